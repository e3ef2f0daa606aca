"""What amplifiers cannot do: put out more than their rails, or change faster than they slew."""

from dataclasses import dataclass

from torch import Tensor


class SaturatedDevice(ArithmeticError):
    """An amplifier reaches its rails or its slew rate at every scale that was tried."""


@dataclass(frozen=True, slots=True)
class AmplifierLimits:
    """rail [V]: the nearer one of an output and of its inverted rail. slew [V/tau]."""

    rail: float
    slew: float

    def strain(self, outputs: Tensor, slopes: Tensor | None = None) -> float:
        """The largest output of a linear circuit [V] over the rail, or slope [V/tau] over the slew rate.

        Above one the circuit is not what its linear equations say.
        """
        strain = float(outputs.abs().max()) / self.rail
        return strain if slopes is None else max(strain, float(slopes.abs().max()) / self.slew)
