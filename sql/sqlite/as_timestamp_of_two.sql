-- A day in one column and a time of day, the clock, in another one, as one time. NULL where the one is more than a day
-- (midnight UTC is no more) or the other one is more than a time of day. Most values are found by the first part, which
-- is quick.
coalesce(CASE WHEN date(substr({column}, 1, 10)) = substr({column}, 1, 10) AND {column} GLOB '[1-9]*'
  AND trim(substr({column}, 11), 'TZ 0:.') = ''
  AND {clock} GLOB '[0-9][0-9]:[0-9][0-9]*' AND substr({clock}, 1, 2) < '24' AND {clock} NOT GLOB '*[^0-9:.]*'
THEN strftime('%Y-%m-%dT%H:%M:%fZ', substr({column}, 1, 10) || ' ' || {clock}) END,
CASE WHEN {column} IS NOT NULL AND {clock} GLOB '*:*' AND {clock} NOT GLOB '*-*' THEN (
  SELECT CASE WHEN date(d) = d AND d >= '0001' AND trim(r, 'TZUC 0:.+-') = ''
    AND c GLOB '[0-9][0-9]:[0-9][0-9]*' AND substr(c, 1, 2) < '24' AND c NOT GLOB '*[^0-9:.]*'
  THEN strftime('%Y-%m-%dT%H:%M:%fZ', d || ' ' || c) END
  FROM ({day_and_rest}), (SELECT CASE WHEN c GLOB '[0-9]:*' THEN '0' || c ELSE c END AS c
    FROM (SELECT rtrim(upper(trim({clock}, ' ' || char(9, 10, 12, 13))), 'Z') AS c))) END)
