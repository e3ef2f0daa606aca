"""How much of a fault a measurement plan can see: by the model before anything is simulated, and by ngspice."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...circuits import Network
from ...netlists import SimulatorError
from ...netlists.amplifiers import AmplifierSubcircuit
from ._faults import Fault, Scaled, is_part_of, with_fault
from ._looks import Look, Setting, distance

_LIMITS = frozenset({"slew", "rail_low", "rail_high"})
"""What a waveform of an overdriven chip is for; all else shows in settled voltages and responses, as in any linear
circuit, without a model that is stepped."""


@dataclass(frozen=True, eq=False)
class Sight:
    """One look at a chip in a setting; a fault is seen where the answer is more than the limit off."""

    setting: Setting
    look: Look

    @property
    def name(self) -> str:
        """Name of the look, for a reader."""
        return f"{self.setting.name}, {self.look.analysis}"

    def effect(self, fault: Fault) -> float:
        """Effect of a fault, as the model says, by the limit: above one it has to be seen.

        It is zero where the fault has no part in this setting, and NaN where the model knows no such circuit.
        """
        if not is_part_of(self.setting.network, fault):
            return 0.0
        try:
            faulty = self.setting.expected(with_fault(self.setting.network, fault), self.look)
        except (ValueError, np.linalg.LinAlgError):
            return math.nan
        return distance(self.look, faulty, self.setting.right(self.look)) / self.look.limit

    def is_for(self, fault: Fault) -> bool:
        """Whether it is worth while to look here for a fault of this kind."""
        return self.look.analysis != "tran" or (isinstance(fault, Scaled) and fault.field in _LIMITS)

    def error(self, fault: Fault | None = None) -> float:
        """Distance of ngspice's answer from the model of the right circuit, by the limit; infinite without one."""
        network = self.setting.network
        if fault is not None:
            if not is_part_of(network, fault):
                return 0.0
            network = with_fault(network, fault)
        return self.off(self._answer(network))

    @cached_property
    def slack(self) -> float:
        """The same of the right circuit."""
        return self.error()

    def measured(self, amplifier: AmplifierSubcircuit) -> np.ndarray | None:
        """ngspice's answer with this amplifier at level `transistor`; None without one."""
        return self._answer(self.setting.network, amplifier)

    def off(self, found: np.ndarray | None, expected: np.ndarray | None = None) -> float:
        """Distance of an answer from the model of the right circuit, or from another answer, by the limit."""
        if found is None:
            return math.inf
        right = self.setting.right(self.look) if expected is None else expected
        return distance(self.look, found, right) / self.look.limit

    def _answer(self, network: Network, amplifier: AmplifierSubcircuit | None = None) -> np.ndarray | None:
        try:
            return self.setting.measured(network, (self.look,), amplifier)[self.look]
        except (SimulatorError, ValueError):
            return None


def sights(settings: Sequence[Setting]) -> tuple[Sight, ...]:
    """Every look of a plan."""
    return tuple(Sight(setting, look) for setting in settings for look in setting.looks)


def best_sight(plan: Sequence[Sight], fault: Fault, enough: float = math.inf) -> tuple[Sight, float]:
    """Where a fault shows most by the model, and its effect there; the first place where that is `enough`.

    Where it is below the limit as far as the model knows, and the model does not know all, the effect is NaN.
    """
    best = plan[0]
    effect = 0.0
    known = True
    for sight in plan:
        here = sight.effect(fault) if sight.is_for(fault) else 0.0
        known &= not math.isnan(here)
        if here > effect:
            best = sight
            effect = here
        if effect >= enough:
            break
    return best, effect if known or effect > 1 else math.nan
