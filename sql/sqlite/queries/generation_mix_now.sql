-- The generation mix as last published today, in GW.
-- Today is London's.
WITH summer AS (
  -- British Summer Time: from the last Sunday of March to the last of October, 01:00 UTC.
  SELECT datetime('now') >= datetime('now', 'start of year', '+2 months', '+24 days', 'weekday 0', '+1 hour')
     AND datetime('now') < datetime('now', 'start of year', '+9 months', '+24 days', 'weekday 0', '+1 hour') AS is_now
),
today AS (
  SELECT date('now', is_now || ' hours') AS day FROM summer
),
latest_data AS (
  SELECT max(publishTime) AS latest_time
  FROM bmrs_fuelinst_unified, today
  WHERE publishTime >= day AND publishTime < date(day, '+1 day')
)
SELECT f.fuelType, f.generation / 1000.0 AS generation_gw, f.publishTime, f.source
FROM bmrs_fuelinst_unified AS f, latest_data
WHERE f.publishTime = latest_data.latest_time
ORDER BY f.generation DESC
