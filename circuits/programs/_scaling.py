"""How a program is fitted to a device: two factors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scaling:
    """How a program is fitted to the device: A is loaded as `conductance * A`, the drive as `conductance * drive * b`.

    Neither changes the solution but for the units: circuit volts are `drive * A^-1 b`, and the relaxation is
    `conductance` times as fast.
    """

    conductance: float = 1.0
    drive: float = 1.0


UNSCALED = Scaling()
