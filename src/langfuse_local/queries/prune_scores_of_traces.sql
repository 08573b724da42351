-- The traces that lost rows in this transaction and have none left.
DELETE FROM scores WHERE trace IN (
    SELECT lower(hex(id)) FROM stale_traces
    WHERE NOT EXISTS (SELECT 1 FROM spans WHERE trace = stale_traces.id)
)
