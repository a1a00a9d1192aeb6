-- A whole number, out of text too; a fraction is rounded, as BigQuery does. NULL where it is no number that 64 bits hold:
-- 9.2233720368547758e18 is the float of 2 to the power of 63.
CASE WHEN {column} = CAST({column} AS NUMERIC)
THEN CASE WHEN typeof(CAST({column} AS NUMERIC)) = 'integer' THEN CAST({column} AS NUMERIC)
  WHEN abs(CAST({column} AS REAL)) < 9.2233720368547758e18 THEN CAST(round(CAST({column} AS REAL)) AS INTEGER) END END
