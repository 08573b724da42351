SELECT
    (SELECT count(DISTINCT session) FROM spans WHERE session IS NOT NULL) AS sessions,
    (SELECT count(DISTINCT user) FROM spans WHERE user IS NOT NULL) AS users,
    (SELECT count(DISTINCT trace) FROM spans) AS traces,
    (SELECT count(*) FROM spans) AS observations
