CREATE TEMP TRIGGER spans_removed AFTER DELETE ON spans
BEGIN
    INSERT INTO stale_sessions SELECT old.session WHERE old.session IS NOT NULL;
    INSERT INTO stale_users SELECT old.user WHERE old.user IS NOT NULL;
    INSERT INTO stale_traces VALUES (old.trace);
END
