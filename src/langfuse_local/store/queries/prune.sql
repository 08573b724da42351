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
)
