SELECT reference, status, region, expected_on, reason, total_cents, currency
FROM orders
WHERE owner = :owner
ORDER BY expected_on DESC, reference
LIMIT 1
