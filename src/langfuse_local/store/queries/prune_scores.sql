DELETE FROM scores WHERE id IN (
    SELECT id FROM scores WHERE timestamp < :cutoff ORDER BY timestamp LIMIT :most
)
