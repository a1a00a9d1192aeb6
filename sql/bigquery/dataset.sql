-- The dataset for all tables and views. Where it is can't be changed later.
CREATE SCHEMA IF NOT EXISTS {dataset}
OPTIONS (location = {location})
