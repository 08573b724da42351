INSERT INTO users
SELECT user, max(start + max(duration, 0)) FROM spans
WHERE user IN (SELECT id FROM stale_users)
GROUP BY user
