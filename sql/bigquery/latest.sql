-- Of the rows that replace each other, the one that counts: the greatest version, then the later message (its id holds
-- a time and a serial number). A historic row has no message and gives way to an IRIS row of the same version. A row
-- whose key is not known (a null in it, or a historic table without the column) stays.
CREATE OR REPLACE VIEW {view}
OPTIONS (description = {description})
AS
SELECT * FROM {unified_view}
QUALIFY {stays}ROW_NUMBER() OVER (
  PARTITION BY {key}
  ORDER BY {version}message_id DESC, message_row DESC
) = 1
