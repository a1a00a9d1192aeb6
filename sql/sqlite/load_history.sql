-- What was loaded: one row a message, written in the transaction of the message's rows. A message that is here with
-- the same content is not loaded again. first_rowid and last_rowid say where its rows are, should newer content come.
CREATE TABLE IF NOT EXISTS irispool_load_history (
  dataset TEXT NOT NULL,
  message_id TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  rescued INTEGER NOT NULL,
  dead INTEGER NOT NULL,
  table_name TEXT NOT NULL,
  first_rowid INTEGER,
  last_rowid INTEGER,
  batch TEXT NOT NULL,
  worker TEXT NOT NULL,
  written_at TEXT NOT NULL,
  claimed_at TEXT NOT NULL,
  loaded_at TEXT NOT NULL,
  PRIMARY KEY (dataset, message_id)
) STRICT
