-- Average and peak generation by fuel today, in GW.
-- Today is London's.
SELECT
  fuelType,
  AVG(generation) / 1000 AS avg_generation_gw,
  MAX(generation) / 1000 AS peak_generation_gw,
  source
FROM `{project}.{dataset}.bmrs_fuelinst_unified`
WHERE DATE(publishTime) = CURRENT_DATE('Europe/London')
GROUP BY fuelType, source
ORDER BY fuelType, source
