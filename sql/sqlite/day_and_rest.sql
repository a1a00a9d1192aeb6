-- Text in two parts: d, which is a day as 2025-10-28 where the text begins with one, and r, what follows. A month, a
-- day and an hour of one digit get their zero. OFFSET 0 makes SQLite work out each step once. Without it SQLite puts the
-- expressions into each other, and a value takes four times as long.
SELECT substr(t, 1, 10) AS d,
  CASE WHEN substr(t, 11) GLOB '[T ][0-9]:*' THEN ' 0' || substr(t, 12) ELSE substr(t, 11) END AS r
FROM (SELECT CASE WHEN t GLOB '????-??-[0-9]' OR t GLOB '????-??-[0-9][T ]*'
    THEN substr(t, 1, 8) || '0' || substr(t, 9) ELSE t END AS t
  FROM (SELECT CASE WHEN t GLOB '????-[0-9]-*' THEN substr(t, 1, 5) || '0' || substr(t, 6) ELSE t END AS t
    FROM (SELECT upper(trim({column}, ' ' || char(9, 10, 12, 13))) AS t) LIMIT 1 OFFSET 0) LIMIT 1 OFFSET 0) LIMIT 1 OFFSET 0
