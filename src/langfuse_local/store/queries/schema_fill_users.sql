INSERT INTO users
SELECT user, max(start + max(duration, 0)) FROM spans
WHERE user IS NOT NULL GROUP BY user
