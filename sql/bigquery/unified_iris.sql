-- A dataset without history: the rows of its IRIS table.
CREATE OR REPLACE VIEW {view}
OPTIONS (description = {description})
AS
WITH iris AS (
  SELECT
    {iris_columns}
  FROM {iris_table}
)
SELECT * FROM iris
{newest}
