INSERT INTO models (id, name, pattern, prices, answer, created)
VALUES (:id, :name, :pattern, :prices, :answer, :created)
