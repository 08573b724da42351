INSERT INTO sessions
SELECT session, max(start + max(duration, 0)) FROM spans
WHERE session IS NOT NULL GROUP BY session
