-- Today's generation, the newest first.
-- Today is London's.
SELECT fuelType, generation, publishTime, settlementDate, settlementPeriod, source
FROM `{project}.{dataset}.bmrs_fuelinst_unified`
WHERE DATE(publishTime) = CURRENT_DATE('Europe/London')
ORDER BY publishTime DESC
LIMIT 100
