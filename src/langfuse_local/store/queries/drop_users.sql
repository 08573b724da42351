DELETE FROM users WHERE id IN (SELECT id FROM stale_users)
