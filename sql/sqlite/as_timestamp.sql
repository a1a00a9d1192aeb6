-- A time in any form as 2025-10-28T03:59:00.000Z, NULL where it is no time. Without a zone it is UTC. SQLite's own
-- functions take much more for a time (a time of day, a number, the word now) and bring 30 February to March, so the
-- form and the day are looked at first. Most values are found by the first part, which is quick. The second one knows
-- the forms that SQLite does not: one digit where there should be two, and the zones UTC, +01 and +0100.
coalesce(CASE WHEN date(substr({column}, 1, 10)) = substr({column}, 1, 10) AND {column} GLOB '[1-9]*'
  AND (length({column}) = 10
    OR ({column} GLOB '??????????[T ][0-9][0-9]:[0-9][0-9]*' AND substr({column}, 12, 2) < '24'))
THEN strftime('%Y-%m-%dT%H:%M:%fZ', {column}) END,
CASE WHEN {column} IS NOT NULL THEN (
  SELECT CASE WHEN date(d) = d AND d >= '0001'
    AND (r = '' OR (r GLOB '[T ][0-9][0-9]:[0-9][0-9]*' AND substr(r, 2, 2) < '24'))
  THEN strftime('%Y-%m-%dT%H:%M:%fZ', d || CASE
    WHEN r GLOB '*[0-9 ]UTC' THEN substr(r, 1, length(r) - 3)
    WHEN r GLOB '*[+-][0-9][0-9]' THEN r || ':00'
    WHEN r GLOB '*[+-][0-9][0-9][0-9][0-9]' THEN substr(r, 1, length(r) - 2) || ':' || substr(r, -2)
    ELSE r END) END
  FROM ({day_and_rest})) END)
