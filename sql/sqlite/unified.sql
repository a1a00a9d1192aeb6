-- A dataset with history: the rows of both tables under the same names, in the same forms. No row of either is dropped:
-- irispool_load_history keeps IRIS rows from being loaded twice, and history has nothing that tells a repeat apart.
CREATE VIEW {view} AS
SELECT
  {iris_columns}{iris_meta}
FROM {iris_table}
UNION ALL
SELECT
  {historic_columns}{historic_ingested_utc} AS ingested_utc, 'HISTORIC' AS source, NULL AS message_id, NULL AS message_row, NULL AS rescued
FROM {historic_table}
