"""The fidelity table, case after case, each remembered when it is done."""

from collections.abc import Callable, Mapping, Sequence

from ..netlists import SimulatorMissing
from ..netlists.simulators import find_vacask
from ._case import Case
from ._checks import rows_of
from .subjects import Row

Done = Mapping[str, Sequence[Row]]
"""Rows of the cases that are done, by the case's name."""


def verify(
    cases: Sequence[Case],
    opinions: bool = False,
    done: Done | None = None,
    keep: Callable[[Done], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Rows of every case: SPICE against the formulas and the behavioural model, each with its limit and verdict.

    Args:
        cases: from `cases` or `device_cases`.
        opinions: with rows of ngspice against VACASK, where that is installed.
        done: rows that are there already; a case of which a simulation failed is tried again.
        keep: called with all rows so far after every case.
        progress: called before every case with its number and how many there are.
    """
    rows = dict(done or {})
    for k, case in enumerate(cases):
        if progress is not None:
            progress(k, len(cases))
        if not rows.get(case.name) or any("value" not in row for row in rows[case.name]):
            rows[case.name] = rows_of(case, opinions)
            if keep is not None:
                keep(rows)
    return [row for case in cases for row in rows[case.name]]


def opinions_wanted(asked: bool | None, calibrated: bool) -> bool:
    """Whether the table has rows of ngspice against VACASK: as asked, else if VACASK is installed.

    A calibrated model is compared with SPICE, not SPICE with itself: there only when asked for.

    Raises:
        SimulatorMissing: asked for, and VACASK is not installed.
    """
    if asked is False or (asked is None and calibrated):
        return False
    try:
        find_vacask()
    except SimulatorMissing:
        if asked:
            raise
        return False
    return True
