INSERT INTO traces VALUES (?, ?)
ON CONFLICT (id) DO UPDATE SET started = excluded.started WHERE excluded.started < started
