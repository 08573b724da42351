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
LEFT JOIN strings AS keys ON keys.id = s.keys
