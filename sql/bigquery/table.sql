-- A dataset's table for IRIS rows.
CREATE TABLE IF NOT EXISTS {table} (
  {columns}
)
PARTITION BY {partition}{cluster}
