-- The unified views that there are.
SELECT name AS table_name
FROM sqlite_schema
WHERE type = 'view' AND name LIKE '%\_unified' ESCAPE '\'
ORDER BY name
