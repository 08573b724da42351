-- name: added
-- The sums of a group grow by those of a transaction; a statement includes them.
turns = turns + excluded.turns,
observations = observations + excluded.observations,
errors = errors + excluded.errors,
input_tokens = input_tokens + excluded.input_tokens,
output_tokens = output_tokens + excluded.output_tokens,
cost = cost + excluded.cost,
priced = priced + excluded.priced,
unknown_costs = unknown_costs + excluded.unknown_costs;

-- name: upsert_sum
INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (dimension, hour, environment, value, outcome) DO UPDATE SET {added};

-- name: upsert_member
INSERT INTO members VALUES (?, ?, ?, ?, ?)
ON CONFLICT (kind, dimension, value, member) DO UPDATE SET spans = spans + excluded.spans;

-- name: drop_empty_member
DELETE FROM members
WHERE kind = ? AND dimension = ? AND value = ? AND member = ? AND spans = 0;

-- name: drop_empty_sum
DELETE FROM sums
WHERE
    dimension = ? AND hour = ? AND environment = ? AND value = ? AND outcome = ?
    AND observations = 0;

-- name: withdrawn
SELECT
    trace, session, user, version, model, environment, facets, level, tags, start, "end",
    root, is_error, input_tokens, output_tokens, total_tokens, cost
FROM withdrawn;

-- name: summed_rows
-- All rows, with the columns of `withdrawn`.
SELECT
    trace, session, user, version, model, environment, facets, level, tags,
    start, start + max(duration, 0), root,
    level IS (SELECT id FROM strings WHERE value = 'ERROR'),
    input_tokens, output_tokens, total_tokens, cost
FROM spans;

-- name: counted_rows
SELECT
    (SELECT CAST(total(observations) AS INTEGER) FROM traces),
    (SELECT count(*) FROM spans);

-- name: clear_withdrawn
DELETE FROM withdrawn;

-- name: sums
-- The sums of one page of values, or of values and periods. The planner does not know that one value
-- has few rows.
WITH page AS (
    SELECT
        value,
        hour / :hours * :hours AS period,
        CAST(total(turns) AS INTEGER) AS turns,
        CAST(total(observations) AS INTEGER) AS observations,
        CAST(total(errors) AS INTEGER) AS errors,
        CAST(total(input_tokens) AS INTEGER) AS input_tokens,
        CAST(total(output_tokens) AS INTEGER) AS output_tokens,
        total(cost) / 1e12 AS cost,
        sum(priced) AS priced,
        sum(unknown_costs) AS unknown_costs
    FROM sums {index}
    WHERE dimension = :dimension AND hour >= :since AND hour < :until AND {where}
    GROUP BY value, period
    ORDER BY {order}
    LIMIT :limit
)
SELECT
    page.*,
    (SELECT value FROM strings WHERE id = page.value) AS name,
    (
        SELECT json_group_object(name, turns) FROM (
            SELECT
                (SELECT value FROM strings WHERE id = outcome) AS name,
                sum(sums.turns) AS turns
            FROM sums INDEXED BY sums_by_value
            WHERE
                dimension = :dimension AND value = page.value AND outcome > 0
                AND hour >= max(:since, page.period)
                AND hour < min(:until, page.period + :hours) AND {where}
            GROUP BY outcome
        )
    ) AS outcomes
FROM page
ORDER BY {order}, name;

-- name: feedback
WITH recent AS (
    SELECT number, trace, session FROM scores
    WHERE number IS NOT NULL AND timestamp >= :since AND timestamp < :until
    ORDER BY timestamp DESC, id DESC LIMIT 1000
),

subjects AS (
    SELECT
        number,
        coalesce(
            (SELECT max(id) FROM spans WHERE trace = key_of(recent.trace)),
            (
                SELECT id FROM spans
                WHERE session = (SELECT id FROM strings WHERE value = recent.session)
                ORDER BY start DESC LIMIT 1
            )
        ) AS span
    FROM recent
)

SELECT
    {column} AS value,
    count(*) FILTER (WHERE number <> 0) AS positive,
    count(*) FILTER (WHERE number = 0) AS negative
FROM subjects JOIN spans ON spans.id = subjects.span
GROUP BY {column}
ORDER BY negative DESC, positive DESC;
