SELECT
    (SELECT count(*) FROM sessions) AS sessions,
    (SELECT count(*) FROM users) AS users,
    (SELECT count(*) FROM traces) AS traces,
    (SELECT count(*) FROM spans) AS observations
