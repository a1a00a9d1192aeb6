-- Of the rows that replace each other, the one that counts: the greatest version, then the later message (its id holds
-- a time and a serial number). A historic row has no message and gives way to an IRIS row of the same version. Where
-- the historic table lacks a column of the key, nothing says which of its rows replace which: all of them stay.
CREATE OR REPLACE VIEW {view}
OPTIONS (description = {description})
AS
SELECT * FROM {unified_view}
QUALIFY {all_historic}ROW_NUMBER() OVER (
  PARTITION BY {key}
  ORDER BY {version}message_id DESC, message_row DESC
) = 1
