DELETE FROM stale_traces
