-- A span that was sent again may leave its session, user or place in time.
CREATE TEMP TRIGGER spans_moved AFTER UPDATE ON spans
WHEN
    old.session IS NOT new.session OR old.user IS NOT new.user
    OR old.start <> new.start OR old.duration <> new.duration
BEGIN
    INSERT INTO stale_sessions SELECT old.session WHERE old.session IS NOT NULL;
    INSERT INTO stale_users SELECT old.user WHERE old.user IS NOT NULL;
    INSERT INTO stale_traces VALUES (old.trace);
END
