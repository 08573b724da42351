SELECT DISTINCT session AS id FROM spans
WHERE user = (SELECT id FROM strings WHERE value = :user) AND session IS NOT NULL
