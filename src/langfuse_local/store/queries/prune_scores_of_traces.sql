-- The traces that lost rows in this transaction and have none left.
DELETE FROM scores WHERE trace IN (
    SELECT CASE typeof(id) WHEN 'text' THEN id ELSE lower(hex(id)) END FROM stale_traces
    WHERE NOT EXISTS (SELECT 1 FROM spans WHERE trace = stale_traces.id)
)
