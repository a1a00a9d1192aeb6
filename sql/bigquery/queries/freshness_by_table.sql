-- How many minutes each of four tables is behind, the worst first.
-- A table without rows is not in the answer.
SELECT table_name, MAX(ingested_utc) AS latest_data, TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), MAX(ingested_utc), MINUTE) AS lag_minutes
FROM (
  SELECT 'boalf' AS table_name, ingested_utc FROM `{project}.{dataset}.bmrs_boalf_iris`
  UNION ALL
  SELECT 'mils', ingested_utc FROM `{project}.{dataset}.bmrs_mils_iris`
  UNION ALL
  SELECT 'mels', ingested_utc FROM `{project}.{dataset}.bmrs_mels_iris`
  UNION ALL
  SELECT 'freq', ingested_utc FROM `{project}.{dataset}.bmrs_freq_iris`
)
GROUP BY table_name
ORDER BY lag_minutes DESC
