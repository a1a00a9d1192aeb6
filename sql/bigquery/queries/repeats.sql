-- Rows that are in the table more than once.
-- The unified view offers each of them once.
SELECT message_id, message_row, COUNT(*) AS copies
FROM `{project}.{dataset}.bmrs_boalf_iris`
WHERE message_id IS NOT NULL
GROUP BY message_id, message_row
HAVING COUNT(*) > 1
ORDER BY copies DESC, message_id, message_row
LIMIT 10
