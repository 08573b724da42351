-- name: upsert_span
-- The same span again, from a retry or corrected by its sender, replaces the row: it counts once.
INSERT INTO spans (
    trace, span, parent, start, duration, first_token, received, root, input_tokens, output_tokens,
    total_tokens, cost, sent, type, name, level, status_message, version, release, environment,
    user, session, trace_name, tags, model, facets, resource, scope
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trace, span) DO UPDATE SET
    parent = excluded.parent, start = excluded.start, duration = excluded.duration,
    first_token = excluded.first_token, received = excluded.received, root = excluded.root,
    input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
    total_tokens = excluded.total_tokens, cost = excluded.cost, sent = excluded.sent,
    type = excluded.type, name = excluded.name, level = excluded.level,
    status_message = excluded.status_message, version = excluded.version,
    release = excluded.release, environment = excluded.environment, user = excluded.user,
    session = excluded.session, trace_name = excluded.trace_name, tags = excluded.tags,
    model = excluded.model, facets = excluded.facets, resource = excluded.resource,
    scope = excluded.scope;

-- name: observations
SELECT s.trace, s.span, s.parent, s.start, s.duration, s.received, s.sent, s.resource, s.scope
FROM spans AS s;

-- name: origin
-- What the functions that read a span's content need beside it.
(SELECT value FROM strings WHERE id = spans.resource),
(SELECT value FROM strings WHERE id = spans.scope);

-- name: counts
SELECT
    (SELECT count(*) FROM sessions) AS sessions,
    (SELECT count(*) FROM users) AS users,
    (SELECT count(*) FROM traces) AS traces,
    (SELECT count(*) FROM spans) AS observations;

-- name: totals
-- The sums over a group of spans; a statement includes them by their name in braces.
min(start) AS started,
max(start + max(duration, 0)) AS ended,
count(*) AS observations,
count(*) FILTER (WHERE root) AS turns,
CAST(total(input_tokens) AS INTEGER) AS input_tokens,
CAST(total(output_tokens) AS INTEGER) AS output_tokens,
sum(cost) AS cost,
count(*) FILTER (WHERE total_tokens > 0 AND cost IS NULL) AS unknown_costs,
count(*) FILTER (WHERE level = (SELECT id FROM strings WHERE value = 'ERROR')) AS errors;
