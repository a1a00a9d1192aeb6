-- The unified views that there are.
SELECT table_name
FROM `{project}.{dataset}.INFORMATION_SCHEMA.TABLES`
WHERE table_name LIKE '%_unified'
ORDER BY table_name
