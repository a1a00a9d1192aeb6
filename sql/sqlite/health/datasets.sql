-- Of each dataset that ever had a message: when its last row came, and how many came in the last hour and day. Names are
-- found one after the other by the index, so that the ledger is not read through.
WITH RECURSIVE names (dataset) AS (
  SELECT min(dataset) FROM irispool_load_history
  UNION ALL
  SELECT (SELECT min(later.dataset) FROM irispool_load_history AS later WHERE later.dataset > names.dataset)
  FROM names
  WHERE names.dataset IS NOT NULL
)
SELECT
  dataset,
  (SELECT loaded_at FROM irispool_load_history AS h WHERE h.dataset = names.dataset AND h.rows > 0
   ORDER BY loaded_at DESC LIMIT 1) AS last_row,
  (SELECT coalesce(sum(rows), 0) FROM irispool_load_history AS h
   WHERE h.dataset = names.dataset AND h.loaded_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 hour')) AS rows_hour,
  (SELECT coalesce(sum(rows), 0) FROM irispool_load_history AS h
   WHERE h.dataset = names.dataset AND h.loaded_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-24 hours')) AS rows_day
FROM names
WHERE dataset IS NOT NULL
ORDER BY dataset
