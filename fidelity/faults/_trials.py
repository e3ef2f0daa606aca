"""Faults planted one by one: what the model says of each, what ngspice shows, and whether that is seen."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...circuits import Amplifier
from ...netlists import SimulatorError
from ...netlists.amplifiers import AmplifierCircuit
from ..checks import LIMIT, disagreement, values_of
from ._amplifier_faults import PieceScaled
from ._faults import Fault
from ._visibility import Sight, best_sight

_ENOUGH = 2.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault in one chip. Effects and errors are by the limit of the look at which they are largest."""

    kind: str
    element: str
    where: str
    """The look."""
    effect: float
    """Predicted: how far the fault moves the answer; NaN where the model knows no such circuit."""
    error: float
    """Of ngspice's answer with the fault, against the model of the right circuit; infinite without an answer."""
    slack: float
    """The same without the fault."""

    @property
    def caught(self) -> bool:
        """Whether a row of the table fails that does not without the fault."""
        return self.error > 1 >= self.slack

    @property
    def missed(self) -> bool:
        """Whether it should have been caught: its effect exceeds the limit, and what the right circuit is off.

        By the triangle inequality such a fault is always seen, if ngspice does what the model says.
        """
        return not self.caught and not self.effect <= 1 + self.slack

    @property
    def derivation(self) -> str:
        """Why it was not caught."""
        if math.isnan(self.effect):
            return f"{self.kind} at {self.element}: the model knows no such circuit; error/limit {self.error:.2g}"
        return f"{self.kind} at {self.element}: effect/limit {self.effect:.2g} at most ({self.where})"


def try_faults(plan: Sequence[Sight], faults: Iterable[Fault]) -> Iterator[Trial]:
    """Each fault looked at where the model says most is to be seen; where it says nothing, everywhere."""
    for fault in faults:
        sight, effect = best_sight(plan, fault, _ENOUGH)
        error = sight.error(fault)
        if math.isnan(effect):
            sight, error = max(((s, s.error(fault)) for s in plan if s.is_for(fault)), key=lambda found: found[1])
        yield Trial(fault.kind, fault.element, sight.name, effect, error, sight.slack)


def try_amplifiers(
    plan: Sequence[Sight], right: AmplifierCircuit, design: Amplifier, faults: Iterable[PieceScaled]
) -> Iterator[Trial]:
    """Faults of a subcircuit of transistors: on its test benches against the design, and in the chip.

    No model says what they do: the effect is how far ngspice's own answer moves.
    """
    values = values_of(right)
    slack = disagreement(values_of(right), design) / LIMIT
    found = {sight: sight.measured(right) for sight in plan}
    for fault in faults:
        faulty = fault(right)
        trials = [_on_benches(fault, faulty, values, design, slack)]
        for sight in plan:
            moved = sight.measured(faulty)
            effect = sight.off(moved, found[sight])
            error = sight.off(moved)
            trials.append(Trial(fault.kind, fault.element, sight.name, effect, error, sight.off(found[sight])))
        yield max(trials, key=lambda trial: (trial.caught, trial.effect))


def _on_benches(
    fault: PieceScaled, faulty: AmplifierCircuit, right: Amplifier, design: Amplifier, slack: float
) -> Trial:
    try:
        values = values_of(faulty)
        effect = disagreement(values, right) / LIMIT
        error = disagreement(values, design) / LIMIT
    except SimulatorError:
        effect = error = math.inf
    return Trial(fault.kind, fault.element, "test benches", effect, error, slack)
