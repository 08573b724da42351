CREATE INDEX scores_by_session ON scores (session, timestamp) WHERE session IS NOT NULL
