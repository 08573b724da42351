-- A blank line separates the statements of a script.

-- name: schema
CREATE TABLE strings (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE);

-- Times are microseconds since the epoch (Langfuse keeps no more; nanoseconds of the year 2500 do
-- not fit a signed 64-bit integer), durations microseconds. `sent` is the span as it was sent, and
-- the other columns are computed from it. Columns from `type` on hold ids of `strings`: the same few
-- texts come with every span, and are stored once, as are its resource and its scope. Ids are blobs,
-- and texts where a sender's are no lower-case hex: the type keeps either as it is. `facets` is the
-- part of the metadata that rows are summed up by, as a JSON object.
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
    input_tokens INTEGER,
    output_tokens INTEGER,
    total_tokens INTEGER,
    cost REAL,
    sent BLOB NOT NULL,
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
    facets INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    scope INTEGER NOT NULL
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

-- The groups of spans: when each was last active, or began, and the sums over its spans. A page of
-- them is read from an index, where `spans` alone would have to be read from end to end. `cost` is in
-- picodollars, whole numbers that come back exactly when a span is replaced or removed; `priced`
-- counts the spans whose cost is known.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    ended INTEGER NOT NULL,
    turns INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    priced INTEGER NOT NULL,
    unknown_costs INTEGER NOT NULL
);

CREATE INDEX sessions_by_end ON sessions (ended);

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    ended INTEGER NOT NULL,
    turns INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    priced INTEGER NOT NULL,
    unknown_costs INTEGER NOT NULL
);

CREATE INDEX users_by_end ON users (ended);

CREATE TABLE traces (
    id BLOB PRIMARY KEY,
    started INTEGER NOT NULL,
    turns INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    priced INTEGER NOT NULL,
    unknown_costs INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX traces_by_start ON traces (started);

-- The same sums by hour, counted from the epoch, and by the value of a dimension, whose place in
-- DIMENSIONS is `dimension`. What a span does not carry is 0, which no string has as its id.
CREATE TABLE sums (
    dimension INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    environment INTEGER NOT NULL,
    value INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    turns INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    priced INTEGER NOT NULL,
    unknown_costs INTEGER NOT NULL,
    PRIMARY KEY (dimension, hour, environment, value, outcome)
) WITHOUT ROWID;

CREATE INDEX sums_by_value ON sums (dimension, value, hour);

-- Which values the spans of a group have, and on how many of them: the numbers of the kind of the
-- group and of the dimension are those of selection.py.
CREATE TABLE members (
    kind INTEGER NOT NULL,
    dimension INTEGER NOT NULL,
    value INTEGER NOT NULL,
    member BLOB NOT NULL,
    spans INTEGER NOT NULL,
    PRIMARY KEY (kind, dimension, value, member)
) WITHOUT ROWID;

-- name: corrections
-- Rows that were replaced or removed, as they were, until the sums are corrected.
CREATE TEMP TABLE withdrawn (
    trace BLOB, session INTEGER, user INTEGER, version INTEGER, model INTEGER,
    environment INTEGER, facets INTEGER, level INTEGER, tags INTEGER, start INTEGER,
    "end" INTEGER, root INTEGER, is_error INTEGER, input_tokens INTEGER, output_tokens INTEGER, total_tokens INTEGER, cost REAL
);

-- Groups that lost a span, or whose span moved, until their times are corrected.
CREATE TEMP TABLE stale_sessions (id INTEGER);

CREATE TEMP TABLE stale_users (id INTEGER);

CREATE TEMP TABLE stale_traces (id BLOB);

CREATE TEMP TRIGGER span_replaced AFTER UPDATE OF sent ON spans
BEGIN
    INSERT INTO withdrawn VALUES (
        old.trace, old.session, old.user, old.version, old.model, old.environment, old.facets,
        old.level, old.tags, old.start, old.start + max(old.duration, 0), old.root,
        old.level IS (SELECT id FROM strings WHERE value = 'ERROR'),
        old.input_tokens, old.output_tokens, old.total_tokens, old.cost
    );
END;

CREATE TEMP TRIGGER span_removed AFTER DELETE ON spans
BEGIN
    INSERT INTO withdrawn VALUES (
        old.trace, old.session, old.user, old.version, old.model, old.environment, old.facets,
        old.level, old.tags, old.start, old.start + max(old.duration, 0), old.root,
        old.level IS (SELECT id FROM strings WHERE value = 'ERROR'),
        old.input_tokens, old.output_tokens, old.total_tokens, old.cost
    );
    INSERT INTO stale_sessions SELECT old.session WHERE old.session IS NOT NULL;
    INSERT INTO stale_users SELECT old.user WHERE old.user IS NOT NULL;
    INSERT INTO stale_traces VALUES (old.trace);
END;

-- A span that was sent again may leave its session, user or place in time.
CREATE TEMP TRIGGER span_moved AFTER UPDATE ON spans
WHEN
    old.session IS NOT new.session OR old.user IS NOT new.user
    OR old.start <> new.start OR old.duration <> new.duration
BEGIN
    INSERT INTO stale_sessions SELECT old.session WHERE old.session IS NOT NULL;
    INSERT INTO stale_users SELECT old.user WHERE old.user IS NOT NULL;
    INSERT INTO stale_traces VALUES (old.trace);
END;
