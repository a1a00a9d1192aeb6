-- The latest acceptances, from any source.
SELECT settlementDate, settlementPeriodFrom, bmUnit, acceptanceTime, source
FROM `{project}.{dataset}.bmrs_boalf_unified`
ORDER BY acceptanceTime DESC
LIMIT 100
