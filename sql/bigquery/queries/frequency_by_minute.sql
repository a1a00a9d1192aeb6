-- The frequency of the last hour, by minute.
SELECT
  TIMESTAMP_TRUNC(measurementTime, MINUTE) AS minute,
  AVG(frequency) AS avg_freq,
  MIN(frequency) AS min_freq,
  MAX(frequency) AS max_freq,
  source
FROM `{project}.{dataset}.bmrs_freq_unified`
WHERE measurementTime >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)
GROUP BY minute, source
ORDER BY minute DESC
LIMIT 60
