-- 1 or 0, in whichever way a program wrote it; NULL where it is neither.
CASE WHEN typeof({column}) IN ('integer', 'real') THEN {column} <> 0
  WHEN lower(trim({column})) IN ('true', 't', 'yes', 'y', '1', '1.0') THEN 1
  WHEN lower(trim({column})) IN ('false', 'f', 'no', 'n', '0', '0.0') THEN 0 END
