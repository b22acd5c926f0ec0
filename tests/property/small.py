"""Small hand-written companies: a few rows per dataset and extract date, with the columns that a case needs."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from tests.property.company import FIRST, Company, Row
from tests.property.workshop import Built

CREATED = "2025-04-10 12:00:00"


def rows(columns: str, *values: tuple[str | None, ...]) -> list[Row]:
    """Return rows with these columns, separated by spaces; missing values at the end are null."""
    names = columns.split()
    return [dict(zip(names, (*row, *[None] * (len(names) - len(row))), strict=True)) for row in values]


def company(extracts: Mapping[date, Mapping[str, Iterable[Row]]]) -> Company:
    """Return a company with these rows by extract date and dataset."""
    made = Company()
    for day, datasets in extracts.items():
        for dataset, delivered in datasets.items():
            made.deliver(dataset, day, delivered)
    return made


def deals(*delivered: Mapping[str, str | None]) -> list[Row]:
    """Return open deals that were created on the first extract's date, unless they have another date."""
    return [{"stage": "商談", "created_at": CREATED, **deal} for deal in delivered]


def decisions(built: Built) -> dict[str, tuple[Any, Any]]:
    """Return branch and reason of each deal."""
    return {deal: (row["branch_id"], row["reason"]) for deal, row in built.of_deals().items()}


__all__ = ["CREATED", "FIRST", "company", "deals", "decisions", "rows"]
