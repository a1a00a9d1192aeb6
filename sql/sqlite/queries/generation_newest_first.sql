-- Today's generation, the newest first.
-- Today is London's.
WITH summer AS (
  -- British Summer Time: from the last Sunday of March to the last of October, 01:00 UTC.
  SELECT datetime('now') >= datetime('now', 'start of year', '+2 months', '+24 days', 'weekday 0', '+1 hour')
     AND datetime('now') < datetime('now', 'start of year', '+9 months', '+24 days', 'weekday 0', '+1 hour') AS is_now
),
today AS (
  SELECT date('now', is_now || ' hours') AS day FROM summer
)
SELECT fuelType, generation, publishTime, settlementDate, settlementPeriod, source
FROM bmrs_fuelinst_unified, today
WHERE publishTime >= day AND publishTime < date(day, '+1 day')
ORDER BY publishTime DESC
LIMIT 100
