-- What each source has of the acceptances, and from when to when.
SELECT source, COUNT(*) AS records, MIN(settlementDate) AS earliest_date, MAX(settlementDate) AS latest_date
FROM `{project}.{dataset}.bmrs_boalf_unified`
GROUP BY source
ORDER BY source
