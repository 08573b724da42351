-- name: upsert_user
INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET ended = max(ended, excluded.ended), {added};

-- name: users
SELECT id FROM users WHERE {where} ORDER BY {order} DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: user_totals
-- `chosen` holds the ids of users.
SELECT
    user,
    count(DISTINCT session) AS sessions,
    count(DISTINCT trace) AS traces,
    {totals}
FROM spans
WHERE user IN (SELECT id FROM chosen)
GROUP BY user;

-- name: without_user
-- The group of spans that carry no user.
SELECT
    user,
    count(DISTINCT session) AS sessions,
    count(DISTINCT trace) AS traces,
    {totals}
FROM spans
WHERE user IS NULL
GROUP BY user;

-- name: user_summary
-- `page` holds the rows of user_totals.
SELECT
    page.*,
    (SELECT value FROM strings WHERE id = page.user) AS id,
    (
        SELECT json_group_array(value) FROM strings
        WHERE id IN (SELECT environment FROM spans WHERE user IS page.user)
    ) AS environments
FROM page
ORDER BY {order} DESC, user DESC;

-- name: drop_empty_users
DELETE FROM users WHERE id IN (SELECT id FROM stale_users) AND observations = 0;

-- name: correct_stale_users
UPDATE users
SET ended = (SELECT max(start + max(duration, 0)) FROM spans WHERE user = users.id)
WHERE id IN (SELECT id FROM stale_users);

-- name: clear_stale_users
DELETE FROM stale_users;
