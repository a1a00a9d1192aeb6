-- When each dataset's rows came: `irispool status` asks that of a ledger that may have many millions of lines.
CREATE INDEX IF NOT EXISTS irispool_load_history_by_time ON irispool_load_history (dataset, loaded_at, rows)
