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
    model = excluded.model, origin = excluded.origin, keys = excluded.keys
