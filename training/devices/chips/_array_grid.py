"""What a programmed array can hold: steps of conductance, a range, a switch in series with each resistor."""

import math
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from ._chip_statistics import Ohmic, PopulationLike, Programmed
from ._converters import to_conductance
from ._effects import DeviceEffects

Held = TypeVar("Held", float, Tensor)


@dataclass(frozen=True, slots=True, eq=False)
class ArrayGrid:
    """The `programming` of a design, as `thermospice.circuits` loads its arrays by.

    bits: steps of magnitude are 2^bits - 1; None is exact. range: largest weight [1/R0]; None follows each array's
    largest entry. switch: resistance in series with each resistor [R0]. rounding: source of stochastic rounding.
    """

    bits: int | None = None
    range: float | None = None
    switch: float = 0.0
    rounding: torch.Generator | None = None

    @classmethod
    def of(cls, population: PopulationLike, effects: DeviceEffects, rounding: torch.Generator | None) -> "ArrayGrid":
        """Exact for a population that does not know its programming, without switches for one that knows no R0."""
        if not (effects.program_bits and isinstance(population, Programmed)):
            return cls()
        programming = population.programming
        switch = programming.switch_resistance / population.R0 if isinstance(population, Ohmic) else 0.0
        return cls(programming.bits, programming.full_scale, switch, rounding)

    @property
    def exact(self) -> bool:
        return self.bits is None and self.range is None and self.switch == 0.0

    def full_scale(self, values: Tensor, scale: float = 1.0) -> float:
        """Of an array that holds `scale values`, in units of the values; infinite where it makes no difference."""
        if self.range is not None:
            return self.range / scale
        if self.bits is None:
            # no pass over the values for a number that nothing is rounded by
            return math.inf
        # no temporary as large as the values
        return float(torch.stack(values.aminmax()).abs().max())

    def rounded(self, values: Tensor, full_scale: float) -> Tensor:
        """The values on the grid and within the range."""
        if self.bits is None and self.range is None:
            return values
        return to_conductance(values, full_scale, self.bits, self.rounding)

    def rounded_number(self, value: float) -> float:
        """A single value is its own full scale unless there is a range."""
        if self.range is None:
            return value
        return float(to_conductance(torch.tensor([value], dtype=torch.float64), self.range, self.bits)[0])

    def switched(self, G: Held, scale: float = 1.0) -> Held:
        """Each resistor in series with its switch, in an array that holds `scale G`."""
        resistance = scale * self.switch
        return G if resistance == 0.0 else G / (1.0 + resistance * abs(G))

    def clipped(self, values: Tensor, full_scale: float) -> int:
        """How many are beyond the range; rounding is not clipping."""
        return 0 if self.range is None else int((values.abs() > full_scale * (1.0 + 1e-12)).sum())
