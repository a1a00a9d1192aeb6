-- Each row of each message once, the newest. Google may let a streamed row in twice, and IRIS may send a message again.
--
-- First condition: of the rows with one message id and place in it, the newest. Second: newer content replaces older
-- content whole, also where it has fewer rows. A message that is delivered again is delivered from its first row on, so
-- what is older than the newest first row belongs to older content. (Only a later time than the first row's can hide a
-- row, never an equal one: all rows of one delivery of a message must carry one ingested_utc, or the first the least.)
--
-- The table's partition column is among those that divide the windows, because BigQuery passes a filter through a
-- window only on such a column; without it every query would read the whole table. A row is the same row with it or
-- without, but where a message comes again with another time or date in that very column: then both rows stay, as
-- nothing but a guess says that they are one.
--
-- Rows without a message id were written by an earlier program. Nothing tells their repeats apart, so all stay; their
-- time divides them, so that they don't all come to one machine.
QUALIFY message_id IS NULL OR (
  ROW_NUMBER() OVER (
    PARTITION BY message_id, message_row{partition}, IF(message_id IS NULL, ingested_utc, NULL)
    ORDER BY ingested_utc DESC
  ) = 1
  AND IFNULL(ingested_utc >= MAX(IF(message_row = 0, ingested_utc, NULL)) OVER (
    PARTITION BY message_id{partition}, IF(message_id IS NULL, ingested_utc, NULL)
  ), TRUE)
)
