-- name: delete_oldest_spans
-- The oldest traces of which nothing arrived since the cut-off, some thousand rows at a time: a
-- transaction that is short lets requests in between.
DELETE FROM spans WHERE id IN (
    SELECT id FROM spans WHERE trace IN (
        SELECT trace FROM (
            SELECT DISTINCT trace FROM (SELECT trace FROM spans ORDER BY id LIMIT :oldest)
        ) AS oldest
        WHERE NOT EXISTS (
            SELECT 1 FROM spans WHERE trace = oldest.trace AND received >= :cutoff
        )
    )
    LIMIT 5000
);

-- name: delete_scores_of_traces
-- The traces that lost rows in this transaction and have none left.
DELETE FROM scores WHERE trace IN (
    SELECT CASE typeof(id) WHEN 'text' THEN id ELSE lower(hex(id)) END FROM stale_traces
    WHERE NOT EXISTS (SELECT 1 FROM spans WHERE trace = stale_traces.id)
);

-- name: delete_scores_of_sessions
-- The scores of a session that has no span left go when they are older than the cut-off. In a file
-- that is bounded by its size alone, the cut-off is the end of time.
DELETE FROM scores WHERE timestamp < :cutoff AND session IN (
    SELECT value FROM strings WHERE id IN (
        SELECT id FROM stale_sessions
        WHERE NOT EXISTS (SELECT 1 FROM spans WHERE session = stale_sessions.id)
    )
);

-- name: delete_oldest_scores
DELETE FROM scores WHERE id IN (
    SELECT id FROM scores WHERE timestamp < :cutoff ORDER BY timestamp LIMIT :most
);
