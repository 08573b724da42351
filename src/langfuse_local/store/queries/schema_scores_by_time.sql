CREATE INDEX scores_by_time ON scores (timestamp, id)
