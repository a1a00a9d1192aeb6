-- How many minutes each of four tables is behind, the worst first.
-- A table without rows is not in the answer.
WITH newest (table_name, latest_data) AS (
  SELECT 'boalf', (SELECT ingested_utc FROM bmrs_boalf_iris ORDER BY rowid DESC LIMIT 1)
  UNION ALL SELECT 'mils', (SELECT ingested_utc FROM bmrs_mils_iris ORDER BY rowid DESC LIMIT 1)
  UNION ALL SELECT 'mels', (SELECT ingested_utc FROM bmrs_mels_iris ORDER BY rowid DESC LIMIT 1)
  UNION ALL SELECT 'freq', (SELECT ingested_utc FROM bmrs_freq_iris ORDER BY rowid DESC LIMIT 1)
)
SELECT table_name, latest_data, (unixepoch('now') - unixepoch(latest_data)) / 60 AS lag_minutes
FROM newest
WHERE latest_data IS NOT NULL
ORDER BY lag_minutes DESC
