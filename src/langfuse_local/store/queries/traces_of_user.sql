SELECT id FROM traces
WHERE id IN (SELECT trace FROM spans WHERE user = (SELECT id FROM strings WHERE value = :user))
ORDER BY started DESC, id DESC LIMIT :limit OFFSET :offset
