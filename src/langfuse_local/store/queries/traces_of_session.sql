SELECT id FROM traces
WHERE id IN (SELECT trace FROM spans WHERE session = (SELECT id FROM strings WHERE value = :session))
ORDER BY started DESC, id DESC LIMIT :limit OFFSET :offset
