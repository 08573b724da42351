-- name: upsert_session
INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET ended = max(ended, excluded.ended), {added};

-- name: sessions
SELECT id FROM sessions WHERE {where} ORDER BY {order} DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: sessions_of_user
SELECT id FROM sessions
WHERE id IN (SELECT session FROM spans WHERE user = (SELECT id FROM strings WHERE value = :user))
AND {where}
ORDER BY {order} DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: session_totals
-- `chosen` holds the ids of sessions.
SELECT
    session,
    count(DISTINCT trace) AS traces,
    {totals}
FROM spans
WHERE session IN (SELECT id FROM chosen)
GROUP BY session;

-- name: session_summary
-- `page` holds the rows of session_totals.
SELECT
    page.*,
    (SELECT value FROM strings WHERE id = page.session) AS id,
    (
        SELECT count(*) FROM spans
        WHERE trace IN (SELECT DISTINCT trace FROM spans WHERE session = page.session)
    ) AS observations_of_traces,
    (
        SELECT json_group_array(value) FROM strings
        WHERE id IN (SELECT user FROM spans WHERE session = page.session)
    ) AS users,
    (
        SELECT json_group_array(value) FROM strings
        WHERE id IN (SELECT environment FROM spans WHERE session = page.session)
    ) AS environments,
    (
        SELECT json_group_array(value) FROM strings
        WHERE id IN (SELECT version FROM spans WHERE session = page.session)
    ) AS versions,
    (
        SELECT input_of(sent, {origin}) FROM spans
        WHERE session = page.session AND root ORDER BY start, id LIMIT 1
    ) AS first_question,
    (
        SELECT output_of(sent, {origin}) FROM spans
        WHERE session = page.session AND root ORDER BY start DESC, id DESC LIMIT 1
    ) AS last_answer
FROM page
ORDER BY {order} DESC, session DESC;

-- name: drop_empty_sessions
DELETE FROM sessions WHERE id IN (SELECT id FROM stale_sessions) AND observations = 0;

-- name: correct_stale_sessions
UPDATE sessions
SET ended = (SELECT max(start + max(duration, 0)) FROM spans WHERE session = sessions.id)
WHERE id IN (SELECT id FROM stale_sessions);

-- name: clear_stale_sessions
DELETE FROM stale_sessions;
