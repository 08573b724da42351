-- `page` holds rows of session_totals.sql.
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
        SELECT input_of(details) FROM spans
        WHERE session = page.session AND root ORDER BY start, id LIMIT 1
    ) AS first_question,
    (
        SELECT output_of(details) FROM spans
        WHERE session = page.session AND root ORDER BY start DESC, id DESC LIMIT 1
    ) AS last_answer
FROM page
ORDER BY page.ended DESC, page.session DESC
