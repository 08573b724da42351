DELETE FROM stale_users
