CREATE INDEX scores_by_trace ON scores (trace, timestamp) WHERE trace IS NOT NULL
