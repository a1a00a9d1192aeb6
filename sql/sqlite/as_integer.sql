-- A whole number, out of text too; a fraction is rounded, as BigQuery does; NULL where it is no number that 64 bits hold.
CASE WHEN {column} = CAST({column} AS NUMERIC) AND abs(CAST({column} AS REAL)) < 9.2e18
THEN CASE typeof(CAST({column} AS NUMERIC)) WHEN 'integer' THEN CAST({column} AS NUMERIC)
  ELSE CAST(round(CAST({column} AS REAL)) AS INTEGER) END END
