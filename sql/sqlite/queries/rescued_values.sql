-- Values that did not fit their column, the newest first.
SELECT ingested_utc, message_id, message_row, rescued
FROM bmrs_boalf_unified
WHERE rescued IS NOT NULL
ORDER BY ingested_utc DESC
LIMIT 100
