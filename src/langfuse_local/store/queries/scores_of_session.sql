SELECT * FROM scores WHERE session = :id ORDER BY timestamp DESC, id DESC
