INSERT INTO traces SELECT trace, min(start) FROM spans GROUP BY trace
