SELECT reference, status, region, expected_on, reason, total_cents, currency
FROM orders
WHERE owner = :owner AND reference = :reference
