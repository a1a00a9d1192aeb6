-- A date, or the date of a time as it is written, as 2025-10-28; NULL where it is no date.
CASE WHEN trim({column}) GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
  AND date(substr(trim({column}), 1, 10)) = substr(trim({column}), 1, 10)
  AND substr(trim({column}), 11, 1) IN ('', 'T', ' ')
THEN substr(trim({column}), 1, 10) END
