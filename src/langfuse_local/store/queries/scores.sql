-- name: upsert_score
INSERT INTO scores (
    id, name, source, data_type, number, text, comment, metadata, environment, config,
    queue, session, trace, observation, experiment, timestamp, created, updated
)
VALUES (
    :id, :name, :source, :data_type, :number, :text, :comment, :metadata, :environment, :config,
    :queue, :session, :trace, :observation, :experiment, :timestamp, :now, :now
)
ON CONFLICT (id) DO UPDATE SET
    name = excluded.name, source = excluded.source, data_type = excluded.data_type,
    number = excluded.number, text = excluded.text, comment = excluded.comment, metadata = excluded.metadata,
    environment = excluded.environment, config = excluded.config, queue = excluded.queue,
    session = excluded.session, trace = excluded.trace, observation = excluded.observation,
    experiment = excluded.experiment, timestamp = excluded.timestamp, updated = excluded.updated;

-- name: delete_score
DELETE FROM scores WHERE id = :id;

-- name: scores
SELECT * FROM scores;

-- name: scores_of_session
SELECT * FROM scores WHERE session = :id ORDER BY timestamp DESC, id DESC;

-- name: scores_of_trace
SELECT * FROM scores WHERE trace = :id ORDER BY timestamp DESC, id DESC;

-- name: scores_of_user
WITH mine AS (
    SELECT trace, session FROM spans WHERE user = (SELECT id FROM strings WHERE value = :id)
)
SELECT * FROM scores
WHERE
    trace IN (
        SELECT CASE typeof(trace) WHEN 'text' THEN trace ELSE lower(hex(trace)) END FROM mine
    )
    OR session IN (SELECT value FROM strings WHERE id IN (SELECT session FROM mine))
ORDER BY timestamp DESC, id DESC;
