SELECT * FROM scores WHERE trace = :id ORDER BY timestamp DESC, id DESC
