-- A number, out of text too; NULL where it is none. Text is equal to its number only where all of it is a number.
CASE WHEN {column} = CAST({column} AS NUMERIC) THEN CAST({column} AS REAL) END
