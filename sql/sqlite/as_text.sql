-- Text; a whole number without a fraction's zero, as BigQuery writes it.
CASE WHEN typeof({column}) = 'real' AND abs({column}) < 9e15 AND {column} = CAST({column} AS INTEGER)
THEN CAST(CAST({column} AS INTEGER) AS TEXT) ELSE CAST({column} AS TEXT) END
