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
CREATE INDEX IF NOT EXISTS turns_by_conversation ON turns (actor, conversation_id, id);
CREATE TABLE IF NOT EXISTS handoffs (
  number INTEGER PRIMARY KEY,
  actor TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE (actor, conversation_id)
)
