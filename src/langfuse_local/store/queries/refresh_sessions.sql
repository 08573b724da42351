INSERT INTO sessions
SELECT session, max(start + max(duration, 0)) FROM spans
WHERE session IN (SELECT id FROM stale_sessions)
GROUP BY session
