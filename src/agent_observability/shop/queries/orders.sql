-- name: create
DROP TABLE IF EXISTS orders;
CREATE TABLE orders (
  reference TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  status TEXT NOT NULL,
  region TEXT NOT NULL,
  expected_on TEXT NOT NULL,
  reason TEXT NOT NULL,
  total_cents INTEGER NOT NULL,
  currency TEXT NOT NULL
);
CREATE INDEX orders_by_owner ON orders (owner, expected_on)

-- name: insert
INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: find
SELECT reference, status, region, expected_on, reason, total_cents, currency
FROM orders
WHERE owner = :owner AND reference = :reference

-- name: find_latest
-- What is on its way comes first: that is what "my order" means.
SELECT reference, status, region, expected_on, reason, total_cents, currency
FROM orders
WHERE owner = :owner
ORDER BY status IN ('in_transit', 'delayed') DESC, expected_on DESC, reference
LIMIT 1
