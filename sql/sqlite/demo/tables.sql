-- The ten largest tables, with the number of all tables.
SELECT table_name, SUM(rows) AS rows_loaded, COUNT(*) OVER () AS tables
FROM irispool_load_history
GROUP BY table_name
ORDER BY rows_loaded DESC, table_name
LIMIT 10
