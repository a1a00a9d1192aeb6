-- Which settlement periods of the last 30 days each source has.
SELECT settlementDate, source, COUNT(*) AS records, COUNT(DISTINCT settlementPeriod) AS unique_periods
FROM `{project}.{dataset}.bmrs_mils_unified`
WHERE settlementDate BETWEEN DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY) AND CURRENT_DATE()
GROUP BY settlementDate, source
ORDER BY settlementDate DESC, source
