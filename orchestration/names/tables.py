"""The tables that the names are written to, below lake/."""

# Name and type of every column of the tables below lake/.
TABLES = {
    "texts": {
        "text": "VARCHAR",
        "name_key": "VARCHAR",
        "spelling": "VARCHAR",
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
        "branch_stem": "VARCHAR",
        "spelling": "VARCHAR",
    },
    "similar_names": {
        "text": "VARCHAR",
        "partner_id": "VARCHAR",
        "branch_id": "VARCHAR",
        "similar_to": "VARCHAR",
        "score": "DECIMAL(5,2)",
    },
}
