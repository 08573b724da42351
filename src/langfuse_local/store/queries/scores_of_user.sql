WITH mine AS (
    SELECT trace, session FROM spans WHERE user = (SELECT id FROM strings WHERE value = :id)
)
SELECT * FROM scores
WHERE
    trace IN (
        SELECT CASE typeof(trace) WHEN 'text' THEN trace ELSE lower(hex(trace)) END FROM mine
    )
    OR session IN (SELECT value FROM strings WHERE id IN (SELECT session FROM mine))
ORDER BY timestamp DESC, id DESC
