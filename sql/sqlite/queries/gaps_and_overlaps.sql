-- Which settlement periods of the last 30 days each source has.
-- The view offers settlementPeriodFrom and settlementPeriodTo beside settlementPeriod.
SELECT settlementDate, source, count(*) AS records, count(DISTINCT settlementPeriodFrom) AS unique_periods
FROM bmrs_mils_unified
WHERE settlementDate BETWEEN date('now', '-30 days') AND date('now')
GROUP BY settlementDate, source
ORDER BY settlementDate DESC, source
