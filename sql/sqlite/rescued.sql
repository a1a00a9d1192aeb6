-- A value that did not fit its column, by its name. A truth keeps its word: SQLite would make a number of it.
CASE WHEN json_valid(rescued) THEN CASE
  WHEN json_type(rescued, '{path}') IN ('true', 'false') THEN json_type(rescued, '{path}')
  ELSE json_extract(rescued, '{path}') END END
