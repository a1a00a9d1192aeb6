-- What irispool 0.1.0 made of four datasets, one of them with history.
CREATE TABLE bmrs_freq (measurementTime DATETIME, frequency REAL, _ingested_utc TEXT);
CREATE TABLE irispool_load_history (
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
) STRICT;
CREATE TABLE irispool_columns (
  table_name TEXT NOT NULL COLLATE NOCASE,
  column_name TEXT NOT NULL COLLATE NOCASE,
  kind TEXT NOT NULL,
  PRIMARY KEY (table_name, column_name)
) STRICT, WITHOUT ROWID;
CREATE TABLE "bmrs_freq_iris" (
  "dataset" TEXT,
  "measurementTime" TEXT,
  "frequency" REAL,
  ingested_utc TEXT NOT NULL,
  source TEXT NOT NULL,
  message_id TEXT NOT NULL,
  message_row INTEGER NOT NULL,
  rescued TEXT
) STRICT;
CREATE TABLE "bmrs_mid_iris" (
  "dataset" TEXT,
  "sourceFileDateTime" TEXT,
  "sourceFileSerialNumber" TEXT,
  "startTime" TEXT,
  "dataProvider" TEXT,
  "settlementDate" TEXT,
  "settlementPeriod" INTEGER,
  "price" REAL,
  "volume" REAL,
  ingested_utc TEXT NOT NULL,
  source TEXT NOT NULL,
  message_id TEXT NOT NULL,
  message_row INTEGER NOT NULL,
  rescued TEXT
) STRICT;
CREATE TABLE "bmrs_fuelinst_iris" (
  "dataset" TEXT,
  "publishTime" TEXT,
  "startTime" TEXT,
  "settlementDate" TEXT,
  "settlementPeriod" INTEGER,
  "fuelType" TEXT,
  "generation" INTEGER,
  ingested_utc TEXT NOT NULL,
  source TEXT NOT NULL,
  message_id TEXT NOT NULL,
  message_row INTEGER NOT NULL,
  rescued TEXT
) STRICT;
CREATE TABLE "bmrs_mels_iris" (
  "dataset" TEXT,
  "settlementDate" TEXT,
  "settlementPeriod" INTEGER,
  "timeFrom" TEXT,
  "timeTo" TEXT,
  "levelFrom" INTEGER,
  "levelTo" INTEGER,
  "notificationTime" TEXT,
  "notificationSequence" INTEGER,
  "nationalGridBmUnit" TEXT,
  "bmUnit" TEXT,
  ingested_utc TEXT NOT NULL,
  source TEXT NOT NULL,
  message_id TEXT NOT NULL,
  message_row INTEGER NOT NULL,
  rescued TEXT
) STRICT;
CREATE INDEX irispool_load_history_by_time ON irispool_load_history (dataset, loaded_at, rows);
CREATE INDEX "bmrs_freq_iris_by_measurementTime" ON "bmrs_freq_iris" ("measurementTime");
CREATE INDEX "bmrs_mid_iris_by_settlementDate" ON "bmrs_mid_iris" ("settlementDate");
CREATE INDEX "bmrs_fuelinst_iris_by_publishTime" ON "bmrs_fuelinst_iris" ("publishTime");
CREATE INDEX "bmrs_mels_iris_by_settlementDate" ON "bmrs_mels_iris" ("settlementDate");
CREATE VIEW "bmrs_freq_unified" AS
SELECT
  "dataset",
  "measurementTime",
  "frequency",
  "measurementTime" AS "spotTime",
  "measurementTime" AS "reportSnapshotTime",
  ingested_utc, source, message_id, message_row, rescued
FROM "bmrs_freq_iris"
UNION ALL
SELECT
  NULL AS "dataset",
  coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', replace("measurementTime", ' UTC', '')), "measurementTime") AS "measurementTime",
  "frequency",
  coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', replace("measurementTime", ' UTC', '')), "measurementTime") AS "spotTime",
  coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', replace("measurementTime", ' UTC', '')), "measurementTime") AS "reportSnapshotTime",
  NULL AS ingested_utc, 'HISTORIC' AS source, NULL AS message_id, NULL AS message_row, NULL AS rescued
FROM "bmrs_freq";
CREATE VIEW "bmrs_freq_latest" AS
SELECT "dataset", "measurementTime", "frequency", "spotTime", "reportSnapshotTime", ingested_utc, source, message_id, message_row, rescued
FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY "measurementTime"
    ORDER BY message_id DESC, message_row DESC
  ) AS irispool_rank
  FROM "bmrs_freq_unified"
)
WHERE irispool_rank = 1;
CREATE VIEW "bmrs_mid_unified" AS
SELECT
  "dataset",
  "sourceFileDateTime",
  "sourceFileSerialNumber",
  "startTime",
  "dataProvider",
  "settlementDate",
  "settlementPeriod",
  "price",
  "volume",
  ingested_utc, source, message_id, message_row, rescued
FROM "bmrs_mid_iris";
CREATE VIEW "bmrs_mid_latest" AS
SELECT "dataset", "sourceFileDateTime", "sourceFileSerialNumber", "startTime", "dataProvider", "settlementDate", "settlementPeriod", "price", "volume", ingested_utc, source, message_id, message_row, rescued
FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY "settlementDate", "settlementPeriod", "dataProvider"
    ORDER BY "sourceFileDateTime" DESC, "sourceFileSerialNumber" DESC, message_id DESC, message_row DESC
  ) AS irispool_rank
  FROM "bmrs_mid_unified"
)
WHERE irispool_rank = 1;
CREATE VIEW "bmrs_fuelinst_unified" AS
SELECT
  "dataset",
  "publishTime",
  "startTime",
  "settlementDate",
  "settlementPeriod",
  "fuelType",
  "generation",
  ingested_utc, source, message_id, message_row, rescued
FROM "bmrs_fuelinst_iris";
CREATE VIEW "bmrs_fuelinst_latest" AS
SELECT "dataset", "publishTime", "startTime", "settlementDate", "settlementPeriod", "fuelType", "generation", ingested_utc, source, message_id, message_row, rescued
FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY "startTime", "fuelType"
    ORDER BY "publishTime" DESC, message_id DESC, message_row DESC
  ) AS irispool_rank
  FROM "bmrs_fuelinst_unified"
)
WHERE irispool_rank = 1;
CREATE VIEW "bmrs_mels_unified" AS
SELECT
  "dataset",
  "settlementDate",
  "settlementPeriod",
  "timeFrom",
  "timeTo",
  "levelFrom",
  "levelTo",
  "notificationTime",
  "notificationSequence",
  "nationalGridBmUnit",
  "bmUnit",
  "settlementPeriod" AS "settlementPeriodFrom",
  "settlementPeriod" AS "settlementPeriodTo",
  ingested_utc, source, message_id, message_row, rescued
FROM "bmrs_mels_iris";
