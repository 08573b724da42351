CREATE INDEX spans_by_start ON spans (start)
