"""What the fidelity table will take."""

from collections.abc import Sequence

from ...fidelity import Case
from ...files.forecasts import Forecast, in_turn
from ...netlists.runs import forecast

# Of smaller chips no analysis takes longer than the rest of its row.
_LARGE = 32


def fidelity_forecast(cases: Sequence[Case]) -> Forecast:
    """Of the large chips of a table."""
    parts = []
    for case in cases:
        if case.cells > _LARGE:
            subject = case.subject()
            network = subject.instance.network(subject.program, case.level, subject.scaling)
            # of chips so large settled voltages and responses are compared
            parts += [forecast(network, "op"), forecast(network, "ac")]
    return in_turn(parts)
