INSERT INTO handoffs (actor, conversation_id, reason)
VALUES (:actor, :conversation_id, :reason)
ON CONFLICT DO NOTHING
