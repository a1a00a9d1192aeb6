-- How a view brings a live column to the type that it offers. The same field is DATE here, DATETIME there and STRING
-- elsewhere; what can't be converted is NULL, a DATETIME and a time without a zone are UTC. A pair that is not here has
-- no conversion: the view says NULL.

-- to TIMESTAMP from DATETIME
TIMESTAMP({column}, 'UTC')
-- to TIMESTAMP from DATE
TIMESTAMP({column}, 'UTC')
-- to TIMESTAMP from STRING
-- The first expression says what a time is, so that all warehouses take the same for one. BigQuery casts neither a time
-- without seconds, 2023-09-25 18:30Z, nor one with more than six decimals, nor one with a space before +01:00.
SAFE_CAST(REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(
  REGEXP_EXTRACT(UPPER({column}), r'^\s*(\d{4}-\d{1,2}-\d{1,2}(?:[T ](?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)? *(?:Z|UTC|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)?)?)\s*$'),
  r' *(Z|UTC)$', ''), r' +([+-])', r'\1'), r'(\.\d{6})\d+', r'\1'), r'([T ]\d{1,2}:\d{2})([+-].*)?$', r'\1:00\2') AS TIMESTAMP)

-- to DATE from TIMESTAMP
DATE({column}, 'UTC')
-- to DATE from DATETIME
DATE({column})
-- to DATE from STRING
SAFE_CAST(REGEXP_EXTRACT({column}, r'^\s*(\d{4}-\d{1,2}-\d{1,2})(?:[Tt ].*)?\s*$') AS DATE)

-- to INT64 from FLOAT64
SAFE_CAST({column} AS INT64)
-- to INT64 from NUMERIC
SAFE_CAST({column} AS INT64)
-- to INT64 from BOOL
CAST({column} AS INT64)
-- to INT64 from STRING
-- By way of NUMERIC: 48.0 is no INT64 to BigQuery.
SAFE_CAST(SAFE_CAST(REGEXP_EXTRACT({column}, r'^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*$') AS NUMERIC) AS INT64)

-- to FLOAT64 from INT64
CAST({column} AS FLOAT64)
-- to FLOAT64 from NUMERIC
CAST({column} AS FLOAT64)
-- to FLOAT64 from STRING
-- Not nan, inf and 0x1F, which BigQuery would cast.
SAFE_CAST(REGEXP_EXTRACT({column}, r'^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*$') AS FLOAT64)

-- to BIGNUMERIC from NUMERIC
CAST({column} AS BIGNUMERIC)
-- to BIGNUMERIC from INT64
CAST({column} AS BIGNUMERIC)
-- to BIGNUMERIC from FLOAT64
SAFE_CAST({column} AS BIGNUMERIC)
-- to BIGNUMERIC from STRING
SAFE_CAST({column} AS BIGNUMERIC)

-- to BOOL from INT64
CAST({column} AS BOOL)
-- to BOOL from FLOAT64
{column} != 0
-- to BOOL from NUMERIC
{column} != 0
-- to BOOL from STRING
CASE WHEN LOWER(TRIM({column})) IN ('true', 't', 'yes', 'y', '1', '1.0') THEN TRUE
  WHEN LOWER(TRIM({column})) IN ('false', 'f', 'no', 'n', '0', '0.0') THEN FALSE END

-- to STRING from INT64
CAST({column} AS STRING)
-- to STRING from FLOAT64
CAST({column} AS STRING)
-- to STRING from NUMERIC
CAST({column} AS STRING)
-- to STRING from BOOL
CAST({column} AS STRING)
-- to STRING from DATE
CAST({column} AS STRING)
-- to STRING from TIMESTAMP
FORMAT_TIMESTAMP('%FT%H:%M:%E3SZ', {column}, 'UTC')
-- to STRING from DATETIME
FORMAT_DATETIME('%FT%H:%M:%E3SZ', {column})

-- Nested values are offered as JSON text: a RECORD here is a STRING there, and no other type holds both.
-- to STRING from JSON
IF({column} IS NULL, NULL, TO_JSON_STRING({column}))
-- to STRING from RECORD
IF({column} IS NULL, NULL, TO_JSON_STRING({column}))
-- to STRING from ARRAY
IF(ARRAY_LENGTH({column}) > 0, TO_JSON_STRING({column}), NULL)

-- A day and a time of day, for a table that has them apart. A time is a day only where it is midnight UTC.
-- to DAY from DATE
{column}
-- to DAY from DATETIME
IF(DATETIME_TRUNC({column}, DAY) = {column}, DATE({column}), NULL)
-- to DAY from TIMESTAMP
IF(TIMESTAMP_TRUNC({column}, DAY) = {column}, DATE({column}, 'UTC'), NULL)
-- to DAY from STRING
SAFE_CAST(REGEXP_EXTRACT(UPPER({column}), r'^\s*(\d{4}-\d{1,2}-\d{1,2})[TZUC 0:.+-]*\s*$') AS DATE)
-- to CLOCK from TIME
{column}
-- to CLOCK from STRING
SAFE_CAST(REGEXP_REPLACE(REGEXP_REPLACE(
  REGEXP_EXTRACT(UPPER({column}), r'^\s*((?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)Z*\s*$'),
  r'(\.\d{6})\d+', r'\1'), r'^(\d{1,2}:\d{2})$', r'\1:00') AS TIME)
-- to STRING from TIME
CAST({column} AS STRING)
