-- name: create
DROP TABLE IF EXISTS customers;
CREATE TABLE customers (pseudonym TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL)

-- name: insert
INSERT INTO customers VALUES (?, ?, ?)

-- name: find
SELECT name, email FROM customers WHERE pseudonym = :pseudonym
