INSERT INTO traces
SELECT trace, min(start) FROM spans
WHERE trace IN (SELECT id FROM stale_traces)
GROUP BY trace
