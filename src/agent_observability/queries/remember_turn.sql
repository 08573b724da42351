INSERT INTO turns (actor, conversation_id, question, answer, intent, outcome, order_reference)
VALUES (?, ?, ?, ?, ?, ?, ?)
