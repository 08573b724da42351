CREATE INDEX spans_by_session ON spans (session, start) WHERE session IS NOT NULL
