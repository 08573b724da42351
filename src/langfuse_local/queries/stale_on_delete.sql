CREATE TEMP TRIGGER spans_removed AFTER DELETE ON spans
BEGIN
    INSERT OR IGNORE INTO stale_sessions SELECT old.session WHERE old.session IS NOT NULL;
    INSERT OR IGNORE INTO stale_users SELECT old.user WHERE old.user IS NOT NULL;
    INSERT OR IGNORE INTO stale_traces VALUES (old.trace);
END
