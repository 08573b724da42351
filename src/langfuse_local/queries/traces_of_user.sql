SELECT DISTINCT trace AS id FROM spans
WHERE user = (SELECT id FROM strings WHERE value = :user)
