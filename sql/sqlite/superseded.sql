-- Contents of messages that gave way to other content under the same name: one row a content. With loaded_at its rows
-- were in the table until then; without, it was never loaded, as what is in the table was written later.
CREATE TABLE IF NOT EXISTS irispool_superseded (
  dataset TEXT NOT NULL,
  message_id TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  dead INTEGER NOT NULL,
  batch TEXT NOT NULL,
  worker TEXT NOT NULL,
  written_at TEXT NOT NULL,
  loaded_at TEXT,
  superseded_at TEXT NOT NULL,
  PRIMARY KEY (dataset, message_id, content_hash)
) STRICT
