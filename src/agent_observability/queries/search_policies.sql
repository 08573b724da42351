-- bm25() is smaller for a better match; a rule of the region outranks the one it narrows down.
SELECT id, region, body, round(-bm25(policies, 0, 0, 4.0, 1.0) * iif(region = 'global', 0.5, 1), 4)
  AS score
FROM policies
WHERE policies MATCH :words AND region IN (:region, 'global')
ORDER BY score DESC, id
LIMIT :limit
