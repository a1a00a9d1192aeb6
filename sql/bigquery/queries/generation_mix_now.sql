-- The generation mix as last published today, in GW.
-- Today is London's.
WITH latest_data AS (
  SELECT MAX(publishTime) AS latest_time
  FROM `{project}.{dataset}.bmrs_fuelinst_unified`
  WHERE DATE(publishTime) = CURRENT_DATE('Europe/London')
)
SELECT f.fuelType, f.generation / 1000 AS generation_gw, f.publishTime, f.source
FROM `{project}.{dataset}.bmrs_fuelinst_unified` AS f
CROSS JOIN latest_data
WHERE f.publishTime = latest_data.latest_time
ORDER BY f.generation DESC
