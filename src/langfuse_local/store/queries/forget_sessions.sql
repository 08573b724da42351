DELETE FROM stale_sessions
