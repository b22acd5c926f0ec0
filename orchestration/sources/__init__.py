"""Sources: lists delivered files, fetches remote ones, and reads the mapping. No row is read or checked here.

Nothing here loads DuckDB, Dagster or dbt, so that "nothing new" is found at once.
"""
