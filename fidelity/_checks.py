"""Which comparisons are made of which case. A new one is a module in `checks` and a row of `CHECKS`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import _second_opinion as _opinions
from ._case import Case
from .checks import amplifier as _amplifier
from .checks import calibrated as _calibrated
from .checks import closed_forms as _closed
from .checks import conditions as _conditions
from .checks import many_chips as _chips
from .checks import noise_law as _law
from .checks import poles as _poles
from .checks import ringing_onset as _onset
from .checks import sensitivities as _sensitivity
from .checks import symbolic as _symbolic
from .checks import training_device as _trained
from .checks import waveforms as _waves
from .faults import exposure as _exposure
from .faults import mutations as _mutations
from .faults import planted as _planted
from .subjects import Row, Subject

# Cells up to which a transient of transistors takes some seconds.
_FEW_TRANSISTORS = 4

# Cells up to which training's device takes some seconds: of a macro-model's cascade, and of any other chip.
_TRAINED_MACRO = 16
_TRAINED = 8

# Cells up to which the default table has records of noise: of a chip that answers by its mean, and of a grid.
_RECORDED = 4
_RECORDED_GRID = 1

Rows = Callable[[Subject], Iterable[Row]]


@dataclass(frozen=True)
class FidelityCheck:
    """A comparison, and the cases of which it is made."""

    rows: Rows
    when: Callable[[Case], bool]


def _waveforms_of_transistors(case: Case) -> bool:
    few = 1 if case.depth == "quick" else _FEW_TRANSISTORS
    return case.calibrated or case.depth == "full" or case.cells <= few


def _whole(case: Case) -> bool:
    """Whether everything is compared that can be: of the first of its kind, at more than a quick look."""
    return case.of_formulas and case.first and case.depth != "quick"


def _has_records(case: Case) -> bool:
    most = _RECORDED if case.answers_by_mean else _RECORDED_GRID
    return case.of_formulas and case.small and case.level == "ideal" and (case.depth == "full" or case.cells <= most)


def _has_faults(case: Case) -> bool:
    """Whether wrong circuits are made of it, to see that the table finds them.

    Faults are planted in the project's own transistors alone: those of a file are not known.
    """
    return case.first and not case.calibrated and not case.of_a_file and (case.of_transistors or case.depth != "quick")


def _is_calibrated_here(case: Case) -> bool:
    if case.of_a_file:
        return case.first and not case.calibrated and case.depth != "quick"
    if case.of_transistors:
        return case.first and not case.calibrated and case.depth == "full"
    # Of an ideal chip that answers by its mean, the calibration at level macro says all that its own would.
    return _whole(case) and (case.level != "ideal" or not case.answers_by_mean)


def _has_trained_device(case: Case) -> bool:
    most = _TRAINED_MACRO if case.level == "macro" else _TRAINED
    return case.of_formulas and (case.depth == "full" or case.cells <= most)


def _every_fault(case: Case) -> bool:
    return case.depth == "full"


CHECKS: tuple[FidelityCheck, ...] = (
    FidelityCheck(_calibrated.verdict_row, lambda c: c.calibrated and c.first),
    FidelityCheck(_waves.rows, lambda c: not c.of_transistors and (c.calibrated or c.small)),
    FidelityCheck(
        lambda s: _waves.transistor_rows(s, waveforms=True),
        lambda c: c.of_transistors and _waveforms_of_transistors(c),
    ),
    FidelityCheck(
        lambda s: _waves.transistor_rows(s, waveforms=False),
        lambda c: c.of_transistors and not _waveforms_of_transistors(c),
    ),
    FidelityCheck(_waves.large_rows, lambda c: c.of_formulas and not c.small),
    FidelityCheck(_closed.rows, lambda c: c.of_formulas and c.small and c.level == "ideal"),
    FidelityCheck(
        lambda s: [_closed.solution(s)],
        lambda c: c.of_formulas and not c.small and c.level == "ideal" and c.answers_by_mean,
    ),
    FidelityCheck(_symbolic.rows, lambda c: c.of_formulas and c.small),
    FidelityCheck(_poles.rows, lambda c: c.of_formulas and c.small),
    FidelityCheck(_sensitivity.rows, lambda c: c.of_formulas and c.small),
    FidelityCheck(_law.rows, _has_records),
    FidelityCheck(_exposure.rows, lambda c: c.first and not c.calibrated and not c.of_a_file),
    FidelityCheck(_amplifier.rows, lambda c: c.of_transistors and c.first and not c.calibrated and not c.of_a_file),
    FidelityCheck(_amplifier.own_rows, lambda c: c.of_a_file and c.first and not c.calibrated),
    FidelityCheck(_mutations.rows, _has_faults),
    FidelityCheck(lambda s: _planted.rows(s, every=True), lambda c: _has_faults(c) and _every_fault(c)),
    FidelityCheck(lambda s: _planted.rows(s, every=False), lambda c: _has_faults(c) and not _every_fault(c)),
    FidelityCheck(_conditions.rows, _whole),
    FidelityCheck(_chips.rows, _whole),
    FidelityCheck(_calibrated.rows, _is_calibrated_here),
    FidelityCheck(_onset.rows, lambda c: _whole(c) and c.level != "ideal"),
    FidelityCheck(_trained.rows, _has_trained_device),
)

# Takes another simulator, which is not everywhere.
OPINION = FidelityCheck(_opinions.rows, lambda c: c.calibrated or c.small)


def rows_of(case: Case, opinions: bool) -> list[Row]:
    """All comparisons of the case; a failed simulation is a failed row.

    Args:
        case: the chip with its program.
        opinions: with rows of ngspice against VACASK.
    """
    subject = case.subject()
    checks = (*CHECKS, OPINION) if opinions else CHECKS
    rows = [row for check in checks if check.when(case) for row in check.rows(subject)]
    return subject.explained(rows)
