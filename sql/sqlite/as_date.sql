-- A date, or the date of a time as it is written, as 2025-10-28; NULL where it is no date. Most values are found by the
-- first part, which is quick.
coalesce(CASE WHEN date(substr({column}, 1, 10)) = substr({column}, 1, 10) AND {column} GLOB '[1-9]*'
  AND substr({column}, 11, 1) IN ('', 'T', ' ') THEN substr({column}, 1, 10) END,
CASE WHEN {column} IS NOT NULL THEN (
  SELECT CASE WHEN date(d) = d AND d >= '0001' AND (r = '' OR r GLOB '[T ]*') THEN d END
  FROM ({day_and_rest})) END)
