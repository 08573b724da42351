CREATE INDEX users_by_end ON users (ended)
