-- How many acceptances a day came from each source, over the last 7 days.
SELECT DATE(acceptanceTime) AS date, source, COUNT(*) AS records, COUNT(DISTINCT bmUnit) AS unique_units
FROM `{project}.{dataset}.bmrs_boalf_unified`
WHERE acceptanceTime >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 7 DAY)
GROUP BY date, source
ORDER BY date DESC, source
