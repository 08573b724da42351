INSERT INTO sessions VALUES (?, ?)
ON CONFLICT (id) DO UPDATE SET ended = excluded.ended WHERE excluded.ended > ended
