-- Rows that are in the table more than once.
-- There is none, because each message is loaded in one transaction with its line in the ledger.
SELECT message_id, message_row, count(*) AS copies
FROM bmrs_boalf_iris
WHERE message_id IS NOT NULL
GROUP BY message_id, message_row
HAVING count(*) > 1
ORDER BY copies DESC, message_id, message_row
LIMIT 10
