-- Times are microseconds since the epoch. A score may come before its trace, or without one.
CREATE TABLE scores (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    data_type TEXT NOT NULL,
    number REAL,
    text TEXT,
    comment TEXT,
    metadata TEXT NOT NULL,
    environment TEXT NOT NULL,
    config TEXT,
    queue TEXT,
    session TEXT,
    trace TEXT,
    observation TEXT,
    experiment TEXT,
    timestamp INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
)
