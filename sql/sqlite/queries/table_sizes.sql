-- The size and the rows of each IRIS table.
-- Indexes count too, and the rows are those that irispool loaded. It reads through the whole file.
WITH sizes AS (
  SELECT tbl_name AS table_id, sum(pgsize) AS size_bytes
  FROM dbstat
  JOIN sqlite_schema ON sqlite_schema.name = dbstat.name
  WHERE aggregate = TRUE AND tbl_name LIKE '%\_iris' ESCAPE '\'
  GROUP BY tbl_name
),
loaded AS (
  SELECT table_name, sum(rows) AS row_count FROM irispool_load_history GROUP BY table_name
)
SELECT table_id, size_bytes / 1024.0 / 1024 / 1024 AS size_gb, coalesce(row_count, 0) AS row_count
FROM sizes
LEFT JOIN loaded ON loaded.table_name = sizes.table_id
ORDER BY size_bytes DESC
