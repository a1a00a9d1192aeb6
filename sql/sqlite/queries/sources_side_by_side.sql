-- What each source has of the acceptances, and from when to when.
SELECT source, count(*) AS records, min(settlementDate) AS earliest_date, max(settlementDate) AS latest_date
FROM bmrs_boalf_unified
GROUP BY source
ORDER BY source
