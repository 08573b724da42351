CREATE UNIQUE INDEX spans_by_id ON spans (trace, span)
