-- `page` holds rows of trace_totals.sql. Where the spans of a trace disagree, the one that arrived
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
        SELECT input_of(details) FROM spans
        WHERE trace = page.trace AND root ORDER BY start, id LIMIT 1
    ) AS input,
    (
        SELECT output_of(details) FROM spans
        WHERE trace = page.trace AND root ORDER BY start, id LIMIT 1
    ) AS output
FROM page
ORDER BY page.started DESC, page.trace DESC
