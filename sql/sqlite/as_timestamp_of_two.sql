-- A day in one column and a time of day in another one, as one time; NULL where the one is more than a day (midnight is
-- no more) or the other one is no time of day.
CASE WHEN trim({day}) GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
  AND date(substr(trim({day}), 1, 10)) = substr(trim({day}), 1, 10)
  AND trim(substr(trim({day}), 11), 'TZ 0:.') = ''
  AND substr('0' || trim({clock}), instr(trim({clock}), ':') - 1) GLOB '[0-2][0-9]:[0-5][0-9]*'
  AND instr(trim({clock}), '-') = 0
  AND substr('0' || trim({clock}), instr(trim({clock}), ':') - 1, 2) < '24'
THEN strftime('%Y-%m-%dT%H:%M:%fZ', substr(trim({day}), 1, 10) || ' '
  || rtrim(substr('0' || trim({clock}), instr(trim({clock}), ':') - 1), 'Z')) END
