-- The project's own prices; `answer` is the model as the API answers it.
CREATE TABLE models (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    pattern TEXT NOT NULL,
    prices TEXT NOT NULL,
    answer TEXT NOT NULL,
    created INTEGER NOT NULL
)
