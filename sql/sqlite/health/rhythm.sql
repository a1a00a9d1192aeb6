-- The minutes in which rows came, of each dataset in the day before its last row.
WITH RECURSIVE names (dataset) AS (
  SELECT min(dataset) FROM irispool_load_history
  UNION ALL
  SELECT (SELECT min(later.dataset) FROM irispool_load_history AS later WHERE later.dataset > names.dataset)
  FROM names
  WHERE names.dataset IS NOT NULL
),
last (dataset, loaded_at) AS (
  SELECT dataset, (SELECT loaded_at FROM irispool_load_history AS h WHERE h.dataset = names.dataset AND h.rows > 0
                   ORDER BY loaded_at DESC LIMIT 1)
  FROM names
  WHERE dataset IS NOT NULL
)
SELECT DISTINCT h.dataset, unixepoch(h.loaded_at) / 60 AS minute
FROM last
JOIN irispool_load_history AS h
  ON h.dataset = last.dataset
  AND h.loaded_at > strftime('%Y-%m-%dT%H:%M:%fZ', last.loaded_at, '-24 hours')
WHERE h.rows > 0
ORDER BY 1, 2
