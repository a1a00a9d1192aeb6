-- What a column holds, where its declared type can't say: a time and a truth in a field that the catalog doesn't know.
CREATE TABLE IF NOT EXISTS irispool_columns (
  table_name TEXT NOT NULL COLLATE NOCASE,
  column_name TEXT NOT NULL COLLATE NOCASE,
  kind TEXT NOT NULL,
  PRIMARY KEY (table_name, column_name)
) STRICT, WITHOUT ROWID
