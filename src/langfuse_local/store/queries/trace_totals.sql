-- `chosen` names the traces, as the rows of `spans` do.
SELECT
    trace,
    count(session) AS with_session,
    count(user) AS with_user,
    min(start) AS started,
    max(start + max(duration, 0)) AS ended,
    count(*) AS observations,
    CAST(total(input_tokens) AS INTEGER) AS input_tokens,
    CAST(total(output_tokens) AS INTEGER) AS output_tokens,
    sum(cost) AS cost,
    count(*) FILTER (WHERE total_tokens > 0 AND cost IS NULL) AS unknown_costs,
    count(*) FILTER (WHERE level = (SELECT id FROM strings WHERE value = 'ERROR')) AS errors
FROM spans
WHERE trace IN (SELECT id FROM chosen)
GROUP BY trace
ORDER BY started DESC, trace DESC
