-- Units with more than one acceptance row in a settlement period.
SELECT settlementDate, settlementPeriodFrom, bmUnit, COUNT(*) AS count
FROM `{project}.{dataset}.bmrs_boalf_iris`
GROUP BY settlementDate, settlementPeriodFrom, bmUnit
HAVING COUNT(*) > 1
ORDER BY count DESC
LIMIT 10
