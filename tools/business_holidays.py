"""The public holidays of a country as the seed that dim_date reads.

    python -m tools.business_holidays JP

writes seeds/holidays.csv for the years 2000 to 2050, from the library `holidays`.
"""

import csv
import sys

import holidays

from orchestration.home import PROJECT

FILE = PROJECT / "seeds" / "holidays.csv"
YEARS = range(2000, 2051)


def rows(country: str) -> list[tuple[str, str, str]]:
    """Return day, English name and name in the country's language, by day."""
    # Named, because the library would take the language of the machine.
    language = holidays.country_holidays(country).default_language
    local = holidays.country_holidays(country, years=YEARS, language=language)
    english = holidays.country_holidays(country, years=YEARS, language="en_US")
    return [(day.isoformat(), english[day], name) for day, name in sorted(local.items())]


def main(country: str) -> None:
    """Write the seed."""
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("holiday_on", "holiday_name", "local_holiday_name"))
        writer.writerows(rows(country))


if __name__ == "__main__":
    main(*sys.argv[1:])
