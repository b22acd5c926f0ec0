"""Names: every distinct text of the lake, normalised once, as lake tables that SQL joins.

Python says what a text is compared by and how it can be read; which partner or branch is meant, and as of when, is
decided in SQL.
"""
