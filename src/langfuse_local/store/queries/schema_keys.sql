-- The keys of the row's own metadata as a JSON list, whose values are in `details`: spans of one kind
-- have the same. Rows of an older file have both in `details`.
ALTER TABLE spans ADD COLUMN keys INTEGER
