SELECT id FROM users ORDER BY ended DESC, id DESC LIMIT :limit OFFSET :offset
