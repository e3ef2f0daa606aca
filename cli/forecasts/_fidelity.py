"""What the fidelity table will take."""

from collections.abc import Mapping, Sequence

from ...circuits import Level
from ...fidelity import Case
from ...files.forecasts import Forecast, in_turn
from ...netlists.runs import forecast

_WHOLE: Mapping[Level, float] = {"ideal": 4.0, "macro": 7.0, "transistor": 4.0}
"""Time of all comparisons of the smallest chip of its topology and level, by the table of all topologies [s]."""

_SMALL, _RECORDED, _OTHER = 0.7, 2.5, 0.3
"""Of another small chip, of one with records of noise, and of settled voltages and responses alone [s]."""

_LARGE = 32
"""Cells up to which no analysis of the simulator takes longer than the rest of its row."""


def fidelity_forecast(cases: Sequence[Case]) -> Forecast:
    """Of a table's chips, one after the other."""
    return in_turn([_of(case) for case in cases])


def _of(case: Case) -> Forecast:
    if case.cells > _LARGE:
        subject = case.subject()
        network = subject.instance.network(subject.program, case.level, subject.scaling)
        # of chips so large settled voltages and responses are compared
        return in_turn([forecast(network, "op"), forecast(network, "ac")]).after(_OTHER)
    if case.first and case.depth != "quick":
        return Forecast(_WHOLE[case.level])
    if not case.small:
        return Forecast(_OTHER)
    return Forecast(_RECORDED if case.depth == "full" and case.level == "ideal" else _SMALL)
