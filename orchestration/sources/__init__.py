"""Sources: what is delivered, how it is fetched, and how a mapping describes it. No row is read or checked here.

Nothing here loads the engine, Dagster or dbt, so that "nothing new" is noticed at once.
"""
