-- Times are microseconds since the epoch (Langfuse keeps no more; nanoseconds of the year 2500 do
-- not fit a signed 64-bit integer), durations microseconds. Columns from `type` on are rows of
-- `strings`: the same few texts come with every span, and are stored once. Ids are blobs, and texts
-- where a sender's are no lower-case hex: the type keeps either as it is.
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
    origin INTEGER NOT NULL
)
