"""Names: every distinct text of the lake, normalised once, as lake tables that SQL joins.

Python normalises a text and lists the ways to read it. SQL decides which partner or branch is meant, and on which day.
"""
