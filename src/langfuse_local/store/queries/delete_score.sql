DELETE FROM scores WHERE id = :id
