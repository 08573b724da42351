DELETE FROM traces WHERE id IN (SELECT id FROM stale_traces)
