CREATE TABLE {table} (
{columns}  ingested_utc TEXT NOT NULL,
  source TEXT NOT NULL,
  message_id TEXT NOT NULL,
  message_row INTEGER NOT NULL,
  rescued TEXT
) STRICT
