"""Which files are records."""

from collections.abc import Sequence
from pathlib import Path

from .._exceptions import MeasurementError

MOST_FILES = 10_000


def check_paths(paths: Sequence[Path]) -> None:
    """Raise `MeasurementError` where there are no records, too many, or one twice."""
    if not paths:
        raise MeasurementError("measurements: expected at least one record, such as step.csv, got none")
    if len(paths) > MOST_FILES:
        raise MeasurementError(f"measurements: expected at most {MOST_FILES:,} files, got {len(paths):,}")
    seen: dict[Path, Path] = {}
    for path in paths:
        if (where := path.resolve()) in seen:
            raise MeasurementError(f"{path}: given twice (as {seen[where]}); a copy holds no more than its original")
        seen[where] = path
