"""The process that reads one workbook, so that only this process ends where memory does. Started by workbook.py."""

import pickle
import resource
import sys
from pathlib import Path

from orchestration.lake.workbook import MEMORY, Sheet, convert_sheet
from orchestration.sql import RefusedError


def main(path: str, sheet: str, target: str) -> None:
    """Write a sheet within a limit of memory, and the result, pickled, to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    result: Sheet | RefusedError
    try:
        result = convert_sheet(Path(path), sheet, Path(target))
    except RefusedError as error:
        result = error
    sys.stdout.buffer.write(pickle.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
