SELECT id FROM traces ORDER BY started DESC, id DESC LIMIT :limit OFFSET :offset
