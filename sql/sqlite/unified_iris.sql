-- A dataset without history: its table, and the older names of its fields beside today's.
CREATE VIEW {view} AS
SELECT
  {iris_columns}ingested_utc, source, message_id, message_row, rescued
FROM {iris_table}
