-- When rows last came into four tables, and how many minutes ago.
-- Rows are appended, so the last one is the newest: no table is read through.
WITH newest (dataset, latest) AS (
  SELECT 'BOALF', (SELECT ingested_utc FROM bmrs_boalf_iris ORDER BY rowid DESC LIMIT 1)
  UNION ALL SELECT 'MELS', (SELECT ingested_utc FROM bmrs_mels_iris ORDER BY rowid DESC LIMIT 1)
  UNION ALL SELECT 'MILS', (SELECT ingested_utc FROM bmrs_mils_iris ORDER BY rowid DESC LIMIT 1)
  UNION ALL SELECT 'FREQ', (SELECT ingested_utc FROM bmrs_freq_iris ORDER BY rowid DESC LIMIT 1)
)
SELECT dataset, latest, (unixepoch('now') - unixepoch(latest)) / 60 AS minutes_ago
FROM newest
WHERE latest IS NOT NULL
ORDER BY dataset
