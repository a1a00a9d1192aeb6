-- Any form of a date, midnight of that day too, as 2025-10-28. What is no date stays as it is.
coalesce(date(replace({column}, ' UTC', '')), {column})
