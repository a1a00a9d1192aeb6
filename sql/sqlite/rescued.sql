-- A value that did not fit its column, by its name.
CASE WHEN json_valid(rescued) THEN json_extract(rescued, '{path}') END
