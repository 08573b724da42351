SELECT DISTINCT trace AS id FROM spans
WHERE session = (SELECT id FROM strings WHERE value = :session)
