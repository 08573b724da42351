-- name: create
CREATE TABLE IF NOT EXISTS turns (
  id INTEGER PRIMARY KEY,
  actor TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  question TEXT NOT NULL,
  answer TEXT NOT NULL,
  intent TEXT NOT NULL,
  outcome TEXT NOT NULL,
  order_reference TEXT NOT NULL,
  at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX IF NOT EXISTS turns_by_conversation ON turns (actor, conversation_id, id)

-- name: recall
SELECT question, answer, intent, outcome, order_reference FROM turns
WHERE actor = :actor AND conversation_id = :conversation_id
ORDER BY id DESC
LIMIT 20

-- name: remember
INSERT INTO turns (actor, conversation_id, question, answer, intent, outcome, order_reference)
VALUES (?, ?, ?, ?, ?, ?, ?)
