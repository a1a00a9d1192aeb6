-- Acceptances taken in by hour, over the last 24 hours.
SELECT
  strftime('%Y-%m-%dT%H:00:00.000Z', ingested_utc) AS hour,
  count(*) AS records_ingested, count(*) / 3600.0 AS records_per_second
FROM bmrs_boalf_iris
WHERE ingested_utc >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-24 hours')
GROUP BY 1
ORDER BY 1 DESC
