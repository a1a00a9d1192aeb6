-- A dataset with history: the rows of both tables under the same names, in the same types.
-- A filter reaches both tables: a column that needs no conversion is passed through as it is, so that BigQuery reads
-- only the partitions that the filter leaves.
CREATE OR REPLACE VIEW {view}
OPTIONS (description = {description})
AS
WITH iris AS (
  SELECT
    {iris_columns}
  FROM {iris_table}
),
historic AS (
  SELECT
    {historic_columns}
  FROM {historic_table}
)
SELECT * FROM iris
{newest}UNION ALL
SELECT * FROM historic
