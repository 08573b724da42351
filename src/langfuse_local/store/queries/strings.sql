-- name: intern
INSERT INTO strings (value) VALUES (?) ON CONFLICT (value) DO NOTHING;

-- name: string_id
SELECT id FROM strings WHERE value = :value;

-- name: string
SELECT value FROM strings WHERE id = ?;

-- name: strings_in_use
-- Every column that holds ids of `strings`.
SELECT type FROM spans UNION SELECT name FROM spans UNION SELECT level FROM spans
UNION SELECT status_message FROM spans UNION SELECT version FROM spans
UNION SELECT release FROM spans UNION SELECT environment FROM spans
UNION SELECT user FROM spans UNION SELECT session FROM spans
UNION SELECT trace_name FROM spans UNION SELECT tags FROM spans
UNION SELECT model FROM spans UNION SELECT facets FROM spans UNION SELECT resource FROM spans
UNION SELECT scope FROM spans UNION SELECT value FROM sums UNION SELECT outcome FROM sums
UNION SELECT value FROM members;

-- name: delete_string
DELETE FROM strings WHERE id = ?;
