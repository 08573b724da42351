-- name: create
CREATE TABLE IF NOT EXISTS handoffs (
  number INTEGER PRIMARY KEY,
  actor TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE (actor, conversation_id)
)

-- name: find
SELECT number, reason FROM handoffs
WHERE actor = :actor AND conversation_id = :conversation_id

-- name: open
INSERT INTO handoffs (actor, conversation_id, reason)
VALUES (:actor, :conversation_id, :reason)
ON CONFLICT DO NOTHING
