-- What is on its way comes first: that is what "my order" means.
SELECT reference, status, region, expected_on, reason, total_cents, currency
FROM orders
WHERE owner = :owner
ORDER BY status IN ('in_transit', 'delayed') DESC, expected_on DESC, reference
LIMIT 1
