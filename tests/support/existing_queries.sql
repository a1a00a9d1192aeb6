-- Queries that people, dashboards and cron jobs ran against such a warehouse before irispool did: they must run on its
-- views as they are, but for project and dataset (P.D).

-- 1 latest acceptances, any source
SELECT settlementDate, settlementPeriodFrom, bmUnit, acceptanceTime, source
FROM `P.D.bmrs_boalf_unified` ORDER BY acceptanceTime DESC LIMIT 100;

-- 2 volume by source
SELECT DATE(acceptanceTime) AS date, source, COUNT(*) AS records, COUNT(DISTINCT bmUnit) AS unique_units
FROM `P.D.bmrs_boalf_unified` WHERE acceptanceTime >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 7 DAY)
GROUP BY date, source ORDER BY date DESC, source;

-- 3 frequency, last hour by minute (spotTime is the old name of measurementTime: the view offers both)
SELECT TIMESTAMP_TRUNC(spotTime, MINUTE) AS minute, AVG(frequency) AS avg_freq, MIN(frequency) AS min_freq, MAX(frequency) AS max_freq, source
FROM `P.D.bmrs_freq_unified` WHERE spotTime >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)
GROUP BY minute, source ORDER BY minute DESC LIMIT 60;

-- 4 generation by fuel, today
SELECT fuelType, AVG(generation) / 1000 AS avg_generation_gw, MAX(generation) / 1000 AS peak_generation_gw, source
FROM `P.D.bmrs_fuelinst_unified` WHERE DATE(publishTime) = CURRENT_DATE('Europe/London')
GROUP BY fuelType, source ORDER BY fuelType, source;

-- 5 gaps and overlaps (the MILS and MELS views offer settlementPeriodFrom and settlementPeriodTo beside settlementPeriod)
SELECT settlementDate, source, COUNT(*) AS records, COUNT(DISTINCT settlementPeriodFrom) AS unique_periods
FROM `P.D.bmrs_mils_unified` WHERE settlementDate BETWEEN DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY) AND CURRENT_DATE()
GROUP BY settlementDate, source ORDER BY settlementDate DESC, source;

-- 6 dashboard: latest generation mix
WITH latest_data AS (SELECT MAX(publishTime) AS latest_time FROM `P.D.bmrs_fuelinst_unified` WHERE DATE(publishTime) = CURRENT_DATE('Europe/London'))
SELECT f.fuelType, f.generation / 1000 AS generation_gw, f.publishTime, f.source
FROM `P.D.bmrs_fuelinst_unified` f CROSS JOIN latest_data WHERE f.publishTime = latest_data.latest_time ORDER BY f.generation DESC;

-- 7 dashboard: generation, newest first
SELECT fuelType, generation, publishTime, settlementDate, settlementPeriod, source
FROM `P.D.bmrs_fuelinst_unified` WHERE DATE(publishTime) = CURRENT_DATE('Europe/London') ORDER BY publishTime DESC LIMIT 100;

-- 8 sources side by side
SELECT source, COUNT(*) AS records, MIN(settlementDate) AS earliest_date, MAX(settlementDate) AS latest_date
FROM `P.D.bmrs_boalf_unified` GROUP BY source ORDER BY source;

-- 9 freshness (health check)
SELECT 'BOALF' AS dataset, MAX(ingested_utc) AS latest, TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), MAX(ingested_utc), MINUTE) AS minutes_ago FROM `P.D.bmrs_boalf_iris`
UNION ALL SELECT 'MILS', MAX(ingested_utc), TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), MAX(ingested_utc), MINUTE) FROM `P.D.bmrs_mils_iris`
UNION ALL SELECT 'FREQ', MAX(ingested_utc), TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), MAX(ingested_utc), MINUTE) FROM `P.D.bmrs_freq_iris`
ORDER BY dataset;

-- 10 freshness by table
SELECT table_name, MAX(ingested_utc) AS latest_data, TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), MAX(ingested_utc), MINUTE) AS lag_minutes
FROM (SELECT 'boalf' AS table_name, ingested_utc FROM `P.D.bmrs_boalf_iris`
  UNION ALL SELECT 'mils', ingested_utc FROM `P.D.bmrs_mils_iris`
  UNION ALL SELECT 'mels', ingested_utc FROM `P.D.bmrs_mels_iris`
  UNION ALL SELECT 'freq', ingested_utc FROM `P.D.bmrs_freq_iris`)
GROUP BY table_name ORDER BY lag_minutes DESC;

-- 11 ingestion rate
SELECT TIMESTAMP_TRUNC(ingested_utc, HOUR) AS hour, COUNT(*) AS records_ingested, COUNT(*) / 3600 AS records_per_second
FROM `P.D.bmrs_boalf_iris` WHERE ingested_utc >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 24 HOUR)
GROUP BY hour ORDER BY hour DESC;

-- 12 duplicates
SELECT settlementDate, settlementPeriodFrom, bmUnit, COUNT(*) AS count
FROM `P.D.bmrs_boalf_iris` GROUP BY settlementDate, settlementPeriodFrom, bmUnit HAVING COUNT(*) > 1 ORDER BY count DESC LIMIT 10;

-- 13 views that exist
SELECT table_name FROM `P.D.INFORMATION_SCHEMA.TABLES` WHERE table_name LIKE '%_unified' ORDER BY table_name;

-- 14 table sizes
SELECT table_id, size_bytes / 1024 / 1024 / 1024 AS size_gb, row_count FROM `P.D.__TABLES__` WHERE table_id LIKE '%_iris' ORDER BY size_bytes DESC;
