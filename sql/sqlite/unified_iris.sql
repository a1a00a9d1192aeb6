-- A dataset without history: its table, and the older names of its fields beside today's.
CREATE VIEW {view} AS
SELECT
  {iris_columns}{iris_meta}
FROM {iris_table}
