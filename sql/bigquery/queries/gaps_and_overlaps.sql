-- Settlement periods a day by source, over the last 30 days: gaps and overlaps of history and IRIS.
SELECT settlementDate, source, COUNT(*) AS records, COUNT(DISTINCT settlementPeriod) AS unique_periods
FROM `{project}.{dataset}.bmrs_mils_unified`
WHERE settlementDate BETWEEN DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY) AND CURRENT_DATE()
GROUP BY settlementDate, source
ORDER BY settlementDate DESC, source
