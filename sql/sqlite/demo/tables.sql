-- What arrived, table by table.
SELECT table_name AS "table", COUNT(*) AS messages, SUM(rows) AS rows, SUM(rescued) AS rescued_rows,
       SUM(dead) AS dead_rows, SUM(bytes) AS bytes
FROM irispool_load_history
GROUP BY table_name
ORDER BY table_name
