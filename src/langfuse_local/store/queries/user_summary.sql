-- `page` holds rows of user_totals.sql.
SELECT
    page.*,
    (SELECT value FROM strings WHERE id = page.user) AS id,
    (
        SELECT json_group_array(value) FROM strings
        WHERE id IN (SELECT environment FROM spans WHERE user IS page.user)
    ) AS environments
FROM page
ORDER BY page.ended DESC, page.user DESC
