SELECT :id AS id
