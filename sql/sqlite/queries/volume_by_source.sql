-- How many acceptances a day came from each source, over the last 7 days.
SELECT date(acceptanceTime) AS date, source, count(*) AS records, count(DISTINCT bmUnit) AS unique_units
FROM bmrs_boalf_unified
WHERE acceptanceTime >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-7 days')
GROUP BY 1, source
ORDER BY 1 DESC, source
