-- `chosen` names the sessions, as the rows of `spans` do.
SELECT
    session,
    count(DISTINCT trace) AS traces,
    min(start) AS started,
    max(start + max(duration, 0)) AS ended,
    count(*) AS observations,
    CAST(total(input_tokens) AS INTEGER) AS input_tokens,
    CAST(total(output_tokens) AS INTEGER) AS output_tokens,
    sum(cost) AS cost,
    count(*) FILTER (WHERE total_tokens > 0 AND cost IS NULL) AS unknown_costs,
    count(*) FILTER (WHERE level = (SELECT id FROM strings WHERE value = 'ERROR')) AS errors
FROM spans
WHERE session IN (SELECT id FROM chosen)
GROUP BY session
ORDER BY ended DESC, session DESC
