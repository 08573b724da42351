CREATE INDEX traces_by_start ON traces (started)
