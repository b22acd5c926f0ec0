"""Names: every distinct text of the lake, normalised once, as lake tables that SQL joins.

Python says what a text is compared by and how it can be read; which partner or branch is meant, and as of when, is
decided in SQL. Importing this loads no engine.
"""

from orchestration.home import Home

# Name and type of every column of the tables below lake/.
TABLES = {
    "texts": {
        "text": "VARCHAR",
        "name_key": "VARCHAR",
        "legal_form": "VARCHAR",
        "stem": "VARCHAR",
        "person_key": "VARCHAR",
        "surname_key": "VARCHAR",
        "is_nobody": "BOOLEAN",
    },
    "readings": {
        "text": "VARCHAR",
        "partner_key": "VARCHAR",
        "is_bounded": "BOOLEAN",
        "branch_key": "VARCHAR",
        "department": "VARCHAR",
        "allows_stem": "BOOLEAN",
    },
    "similar_names": {
        "text": "VARCHAR",
        "partner_id": "VARCHAR",
        "branch_id": "VARCHAR",
        "similar_to": "VARCHAR",
        "score": "DECIMAL(5,2)",
    },
}


def write_names(home: Home) -> dict[str, int]:
    """Write the tables anew from the whole lake; return how many rows each has. Belongs after every ingest."""
    from orchestration.names.lake import write

    return write(home)
