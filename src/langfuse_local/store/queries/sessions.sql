SELECT id FROM sessions ORDER BY ended DESC, id DESC LIMIT :limit OFFSET :offset
