-- name: create
DROP TABLE IF EXISTS policies;
CREATE VIRTUAL TABLE policies USING fts5 (
  id UNINDEXED, region UNINDEXED, topic, body, tokenize = 'porter'
)

-- name: insert
INSERT INTO policies (id, region, topic, body) VALUES (:id, :region, :topic, :text)

-- name: search
-- bm25() is smaller for a better match; a rule of the region outranks the one it narrows down.
SELECT id, region, body, round(-bm25(policies, 0, 0, 4.0, 1.0) * iif(region = 'global', 0.5, 1), 4)
  AS score
FROM policies
WHERE policies MATCH :words AND region IN (:region, 'global')
ORDER BY score DESC, id
LIMIT :limit
