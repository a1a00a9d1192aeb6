-- What generates Great Britain's electricity, at the newest time there is.
SELECT publishTime, fuelType, generation AS generation_mw
FROM bmrs_fuelinst_unified
WHERE publishTime = (SELECT MAX(publishTime) FROM bmrs_fuelinst_unified)
ORDER BY generation DESC
