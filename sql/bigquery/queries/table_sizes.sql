-- The size and the rows of each IRIS table.
SELECT table_id, size_bytes / 1024 / 1024 / 1024 AS size_gb, row_count
FROM `{project}.{dataset}.__TABLES__`
WHERE table_id LIKE '%_iris'
ORDER BY size_bytes DESC
