-- name: create
CREATE TABLE IF NOT EXISTS traces (
  number INTEGER PRIMARY KEY,
  backend TEXT,
  id TEXT,
  session TEXT,
  user TEXT,
  spans INTEGER,
  sent REAL,
  UNIQUE (backend, id)
);
CREATE TABLE IF NOT EXISTS scores (
  number INTEGER PRIMARY KEY,
  backend TEXT,
  id TEXT,
  kind TEXT,
  subject TEXT,
  content TEXT,
  sent REAL,
  UNIQUE (backend, id)
)

-- name: add_trace
INSERT INTO traces (backend, id, session, user, spans, sent) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
  spans = max(spans, excluded.spans),
  session = coalesce(nullif(excluded.session, ''), session),
  user = coalesce(nullif(excluded.user, ''), user)

-- name: add_score
INSERT INTO scores (backend, id, kind, subject, content, sent) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET content = excluded.content, sent = excluded.sent

-- name: forget_traces
DELETE FROM traces WHERE sent < ? OR number <= (SELECT max(number) FROM traces) - ?

-- name: forget_scores
DELETE FROM scores WHERE sent < ? OR number <= (SELECT max(number) FROM scores) - ?

-- name: traces
SELECT id, session, user, spans, sent FROM traces WHERE backend = ? AND sent >= ? ORDER BY number

-- name: scores
SELECT id, kind, subject, content, sent FROM scores WHERE backend = ? AND sent >= ? ORDER BY number
