-- Until when `irispool prune` has deleted lines of irispool_load_history: a message of a dataset that was loaded before
-- `before` may have been here, so `irispool verify` does not call it missing.
CREATE TABLE IF NOT EXISTS irispool_pruned (
  dataset TEXT NOT NULL PRIMARY KEY,
  before TEXT NOT NULL
) STRICT
