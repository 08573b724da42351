CREATE INDEX spans_by_user ON spans (user, start)
