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
    experiment = excluded.experiment, timestamp = excluded.timestamp, updated = excluded.updated
