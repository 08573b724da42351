SELECT id FROM sessions
WHERE id IN (SELECT session FROM spans WHERE user = (SELECT id FROM strings WHERE value = :user))
ORDER BY ended DESC, id DESC LIMIT :limit OFFSET :offset
