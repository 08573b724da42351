-- name: upsert_trace
INSERT INTO traces VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET started = min(started, excluded.started), {added};

-- name: traces
SELECT id FROM traces WHERE {where} ORDER BY {order} DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: trace_by_id
SELECT :id AS id;

-- name: traces_of_session
SELECT id FROM traces
WHERE id IN (SELECT trace FROM spans WHERE session = (SELECT id FROM strings WHERE value = :session))
AND {where}
ORDER BY {order} DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: traces_of_user
SELECT id FROM traces
WHERE id IN (SELECT trace FROM spans WHERE user = (SELECT id FROM strings WHERE value = :user))
AND {where}
ORDER BY {order} DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: trace_totals
-- `chosen` holds the ids of traces.
SELECT
    trace,
    count(session) AS with_session,
    count(user) AS with_user,
    {totals}
FROM spans
WHERE trace IN (SELECT id FROM chosen)
GROUP BY trace;

-- name: trace_summary
-- `page` holds the rows of trace_totals. Where the spans of a trace disagree, the one that arrived
-- last wins, as in Langfuse.
SELECT
    page.*,
    (
        SELECT value FROM spans JOIN strings ON strings.id = coalesce(trace_name, name)
        WHERE trace = page.trace AND (trace_name IS NOT NULL OR root)
        ORDER BY trace_name IS NULL, received DESC, spans.id DESC LIMIT 1
    ) AS name,
    (
        SELECT value FROM spans JOIN strings ON strings.id = session
        WHERE trace = page.trace ORDER BY received DESC, spans.id DESC LIMIT 1
    ) AS session,
    (
        SELECT value FROM spans JOIN strings ON strings.id = user
        WHERE trace = page.trace ORDER BY received DESC, spans.id DESC LIMIT 1
    ) AS user,
    (
        SELECT value FROM spans JOIN strings ON strings.id = environment
        WHERE trace = page.trace ORDER BY received DESC, spans.id DESC LIMIT 1
    ) AS environment,
    (
        SELECT value FROM spans JOIN strings ON strings.id = version
        WHERE trace = page.trace ORDER BY received DESC, spans.id DESC LIMIT 1
    ) AS version,
    (
        SELECT value FROM spans JOIN strings ON strings.id = release
        WHERE trace = page.trace ORDER BY received DESC, spans.id DESC LIMIT 1
    ) AS release,
    (
        SELECT value FROM spans JOIN strings ON strings.id = tags
        WHERE trace = page.trace ORDER BY value = '[]', received DESC, spans.id DESC LIMIT 1
    ) AS tags,
    (
        SELECT input_of(sent, {origin}) FROM spans
        WHERE trace = page.trace AND root ORDER BY start, id LIMIT 1
    ) AS input,
    (
        SELECT output_of(sent, {origin}) FROM spans
        WHERE trace = page.trace AND root ORDER BY start, id LIMIT 1
    ) AS output
FROM page
ORDER BY {order} DESC, trace DESC;

-- name: outline
SELECT
    span, parent, start, start + duration AS "end", root,
    (SELECT value FROM strings WHERE id = spans.type) AS type,
    (SELECT value FROM strings WHERE id = spans.name) AS name,
    (SELECT value FROM strings WHERE id = spans.level) AS level,
    input_tokens, output_tokens, cost,
    cost IS NULL AND total_tokens > 0 AS is_cost_unknown,
    session IS NOT NULL AS has_session,
    user IS NOT NULL AS has_user
FROM spans
WHERE trace = :trace
ORDER BY start, id;

-- name: drop_empty_traces
DELETE FROM traces WHERE id IN (SELECT id FROM stale_traces) AND observations = 0;

-- name: correct_stale_traces
UPDATE traces
SET started = (SELECT min(start) FROM spans WHERE trace = traces.id)
WHERE id IN (SELECT id FROM stale_traces);

-- name: clear_stale_traces
DELETE FROM stale_traces;
