-- A session's scores outlive it until their own time comes; they would for ever in a file that is
-- bounded by its size alone, where the cut-off is the end of time.
DELETE FROM scores WHERE timestamp < :cutoff AND session IN (
    SELECT value FROM strings WHERE id IN (
        SELECT id FROM stale_sessions
        WHERE NOT EXISTS (SELECT 1 FROM spans WHERE session = stale_sessions.id)
    )
)
