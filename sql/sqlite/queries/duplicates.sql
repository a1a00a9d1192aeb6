-- Units with more than one acceptance row in a settlement period.
SELECT settlementDate, settlementPeriodFrom, bmUnit, count(*) AS count
FROM bmrs_boalf_iris
GROUP BY settlementDate, settlementPeriodFrom, bmUnit
HAVING count(*) > 1
ORDER BY count DESC
LIMIT 10
