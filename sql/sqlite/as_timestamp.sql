-- Any form of a time as 2025-10-28T03:59:00.000Z; without a zone it is UTC. What is no time stays as it is.
coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', replace({column}, ' UTC', '')), {column})
