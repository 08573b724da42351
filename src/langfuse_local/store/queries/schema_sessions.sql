-- Which groups there are and when each was last active, so that a page of them is read from an
-- index; `spans` alone would have to be read from end to end.
CREATE TABLE sessions (id INTEGER PRIMARY KEY, ended INTEGER NOT NULL)
