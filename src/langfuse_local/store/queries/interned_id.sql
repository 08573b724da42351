SELECT id FROM strings WHERE value = :id
