CREATE TEMP TABLE stale_traces (id BLOB)
