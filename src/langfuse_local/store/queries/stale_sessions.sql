CREATE TEMP TABLE stale_sessions (id INTEGER)
