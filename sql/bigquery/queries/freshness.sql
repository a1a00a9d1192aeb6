-- When rows last came into four tables, and how many minutes ago.
SELECT
  dataset,
  MAX(ingested_utc) AS latest,
  TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), MAX(ingested_utc), MINUTE) AS minutes_ago
FROM (
  SELECT 'BOALF' AS dataset, ingested_utc FROM `{project}.{dataset}.bmrs_boalf_iris`
  UNION ALL
  SELECT 'FREQ', ingested_utc FROM `{project}.{dataset}.bmrs_freq_iris`
  UNION ALL
  SELECT 'MELS', ingested_utc FROM `{project}.{dataset}.bmrs_mels_iris`
  UNION ALL
  SELECT 'MILS', ingested_utc FROM `{project}.{dataset}.bmrs_mils_iris`
)
GROUP BY dataset
ORDER BY dataset
