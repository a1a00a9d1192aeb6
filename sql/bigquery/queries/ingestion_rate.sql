-- Acceptances taken in by hour, over the last 24 hours.
SELECT
  TIMESTAMP_TRUNC(ingested_utc, HOUR) AS hour,
  COUNT(*) AS records_ingested,
  COUNT(*) / 3600 AS records_per_second
FROM `{project}.{dataset}.bmrs_boalf_iris`
WHERE ingested_utc >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 24 HOUR)
GROUP BY hour
ORDER BY hour DESC
