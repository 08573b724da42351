SELECT * FROM models ORDER BY created DESC, id
