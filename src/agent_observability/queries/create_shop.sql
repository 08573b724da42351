DROP TABLE IF EXISTS orders;
DROP TABLE IF EXISTS customers;
DROP TABLE IF EXISTS policies;
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
CREATE INDEX orders_by_owner ON orders (owner, expected_on);
CREATE TABLE customers (pseudonym TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL);
CREATE VIRTUAL TABLE policies USING fts5 (
  id UNINDEXED, region UNINDEXED, topic, body, tokenize = 'porter'
)
