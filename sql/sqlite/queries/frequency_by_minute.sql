-- The frequency of the last hour, by minute.
-- spotTime is the old name of measurementTime: the view offers both.
SELECT
  strftime('%Y-%m-%dT%H:%M:00.000Z', spotTime) AS minute,
  avg(frequency) AS avg_freq, min(frequency) AS min_freq, max(frequency) AS max_freq,
  source
FROM bmrs_freq_unified
WHERE spotTime >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 hour')
GROUP BY 1, source
ORDER BY 1 DESC
LIMIT 60
