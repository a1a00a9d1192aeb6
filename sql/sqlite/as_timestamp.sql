-- A time in any form as 2025-10-28T03:59:00.000Z, NULL where it is no time. Without a zone it is UTC. SQLite's own
-- functions take much more for a time (a time of day, a number, the word now) and bring 30 February to March, so the
-- form and the day are looked at first.
CASE WHEN trim({column}) GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
  AND date(substr(trim({column}), 1, 10)) = substr(trim({column}), 1, 10)
  AND (length(trim({column})) = 10
    OR (trim({column}) GLOB '??????????[T ][0-9][0-9]:[0-9][0-9]*' AND substr(trim({column}), 12, 2) < '24'))
THEN strftime('%Y-%m-%dT%H:%M:%fZ', replace(trim({column}), ' UTC', '')) END
