-- A blank line separates the statements of a script.

-- name: schema
CREATE TABLE strings (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE);

-- Times are microseconds since the epoch (Langfuse keeps no more; nanoseconds of the year 2500 do
-- not fit a signed 64-bit integer), durations microseconds. Columns from `type` on hold ids of
-- `strings`: the same few texts come with every span, and are stored once. Ids are blobs, and texts
-- where a sender's are no lower-case hex: the type keeps either as it is. `keys` are the names of the
-- row's own metadata as a JSON list, whose values are in `details`: spans of one kind share them.
CREATE TABLE spans (
    id INTEGER PRIMARY KEY,
    trace BLOB NOT NULL,
    span BLOB NOT NULL,
    parent BLOB,
    start INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    first_token INTEGER,
    received INTEGER NOT NULL,
    root INTEGER NOT NULL,
    app_root INTEGER NOT NULL,
    public INTEGER NOT NULL,
    input_tokens INTEGER,
    output_tokens INTEGER,
    total_tokens INTEGER,
    cost REAL,
    details BLOB NOT NULL,
    type INTEGER NOT NULL,
    name INTEGER,
    level INTEGER NOT NULL,
    status_message INTEGER,
    version INTEGER,
    release INTEGER,
    environment INTEGER NOT NULL,
    user INTEGER,
    session INTEGER,
    trace_name INTEGER,
    tags INTEGER NOT NULL,
    model INTEGER,
    origin INTEGER NOT NULL,
    keys INTEGER NOT NULL
);

CREATE UNIQUE INDEX spans_by_id ON spans (trace, span);

CREATE INDEX spans_by_start ON spans (start);

CREATE INDEX spans_by_session ON spans (session, start) WHERE session IS NOT NULL;

CREATE INDEX spans_by_user ON spans (user, start);

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
);

CREATE INDEX scores_by_time ON scores (timestamp, id);

CREATE INDEX scores_by_session ON scores (session, timestamp) WHERE session IS NOT NULL;

CREATE INDEX scores_by_trace ON scores (trace, timestamp) WHERE trace IS NOT NULL;

-- The groups of spans and when each was last active, or began: a page of them is read from an index,
-- where `spans` alone would have to be read from end to end.
CREATE TABLE sessions (id INTEGER PRIMARY KEY, ended INTEGER NOT NULL);

CREATE INDEX sessions_by_end ON sessions (ended);

CREATE TABLE users (id INTEGER PRIMARY KEY, ended INTEGER NOT NULL);

CREATE INDEX users_by_end ON users (ended);

CREATE TABLE traces (id BLOB PRIMARY KEY, started INTEGER NOT NULL) WITHOUT ROWID;

CREATE INDEX traces_by_start ON traces (started);

-- name: stale_groups
-- Groups that lost a span, or whose span moved, until they are rebuilt.
CREATE TEMP TABLE stale_sessions (id INTEGER);

CREATE TEMP TABLE stale_users (id INTEGER);

CREATE TEMP TABLE stale_traces (id BLOB);

-- A span that was sent again may leave its session, user or place in time.
CREATE TEMP TRIGGER spans_moved AFTER UPDATE ON spans
WHEN
    old.session IS NOT new.session OR old.user IS NOT new.user
    OR old.start <> new.start OR old.duration <> new.duration
BEGIN
    INSERT INTO stale_sessions SELECT old.session WHERE old.session IS NOT NULL;
    INSERT INTO stale_users SELECT old.user WHERE old.user IS NOT NULL;
    INSERT INTO stale_traces VALUES (old.trace);
END;

CREATE TEMP TRIGGER spans_removed AFTER DELETE ON spans
BEGIN
    INSERT INTO stale_sessions SELECT old.session WHERE old.session IS NOT NULL;
    INSERT INTO stale_users SELECT old.user WHERE old.user IS NOT NULL;
    INSERT INTO stale_traces VALUES (old.trace);
END;
