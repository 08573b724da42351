-- name: upsert_span
-- The same span again, from a retry or corrected by its sender, replaces the row: it counts once.
INSERT INTO spans (
    trace, span, parent, start, duration, first_token, received, root, app_root, public,
    input_tokens, output_tokens, total_tokens, cost, details,
    type, name, level, status_message, version, release, environment,
    user, session, trace_name, tags, model, origin, keys
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trace, span) DO UPDATE SET
    parent = excluded.parent, start = excluded.start, duration = excluded.duration,
    first_token = excluded.first_token, received = excluded.received, root = excluded.root,
    app_root = excluded.app_root, public = excluded.public,
    input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
    total_tokens = excluded.total_tokens, cost = excluded.cost, details = excluded.details,
    type = excluded.type, name = excluded.name, level = excluded.level,
    status_message = excluded.status_message, version = excluded.version,
    release = excluded.release, environment = excluded.environment, user = excluded.user,
    session = excluded.session, trace_name = excluded.trace_name, tags = excluded.tags,
    model = excluded.model, origin = excluded.origin, keys = excluded.keys;

-- name: observations
SELECT
    s.trace, s.span, s.parent, s.start, s.duration, s.first_token, s.received,
    s.app_root, s.public, s.details,
    type.value AS type, name.value AS name, level.value AS level,
    status_message.value AS status_message, version.value AS version,
    release.value AS release, environment.value AS environment, user.value AS user,
    session.value AS session, trace_name.value AS trace_name, tags.value AS tags,
    model.value AS model, s.origin, keys.value AS keys
FROM spans AS s
LEFT JOIN strings AS type ON type.id = s.type
LEFT JOIN strings AS name ON name.id = s.name
LEFT JOIN strings AS level ON level.id = s.level
LEFT JOIN strings AS status_message ON status_message.id = s.status_message
LEFT JOIN strings AS version ON version.id = s.version
LEFT JOIN strings AS release ON release.id = s.release
LEFT JOIN strings AS environment ON environment.id = s.environment
LEFT JOIN strings AS user ON user.id = s.user
LEFT JOIN strings AS session ON session.id = s.session
LEFT JOIN strings AS trace_name ON trace_name.id = s.trace_name
LEFT JOIN strings AS tags ON tags.id = s.tags
LEFT JOIN strings AS model ON model.id = s.model
LEFT JOIN strings AS keys ON keys.id = s.keys;

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
CAST(total(input_tokens) AS INTEGER) AS input_tokens,
CAST(total(output_tokens) AS INTEGER) AS output_tokens,
sum(cost) AS cost,
count(*) FILTER (WHERE total_tokens > 0 AND cost IS NULL) AS unknown_costs,
count(*) FILTER (WHERE level = (SELECT id FROM strings WHERE value = 'ERROR')) AS errors;
