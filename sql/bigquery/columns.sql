-- A table of an earlier program gets the columns that irispool needs.
ALTER TABLE {table}
  {columns}
