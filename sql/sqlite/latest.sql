-- Of the rows that replace each other, the one that counts: the greatest version, then the later message (its id holds
-- a time and a serial number). A historic row has no message and gives way to an IRIS row of the same version. A row
-- whose key is not known (a null in it, or a historic table without the column) stays.
CREATE VIEW {view} AS
SELECT {columns}
FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY {key}
    ORDER BY {version}message_id DESC, message_row DESC
  ) AS {rank}
  FROM {unified_view}
)
WHERE {rank} = 1{stays}
