"""Tolerances of elements by name, and the circuits that are drawn from them."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...files import joined
from ...files.quantities import PerKelvin, PerSquareKelvin, QuantityError, Ratio, parse_quantity
from .._exceptions import DesignError
from ..linear_circuits import scaled, value_of
from ..networks import Network

Corner = Literal["slow", "typical", "fast"]

_STREAM = 11
"""Of a chip's seed: the draws of tolerances."""

_CORNER_SIGMAS = 3.0
_REFERENCE = 300.15
"""Temperature at which values are what they are [K]; SPICE's 27 C."""


class Tolerance(BaseModel):
    """Tolerance of one kind of elements, relative to their value.

    `within`: anywhere within plus or minus that, all equally likely; what a plain number means. `sigma`: normal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    within: Annotated[Ratio, Field(ge=0, lt=1)] | None = None
    """Largest deviation; all up to it are equally likely."""
    sigma: Annotated[Ratio, Field(ge=0, lt=0.34)] | None = None
    """Standard deviation of a normal law."""
    tc1: PerKelvin = 0.0
    """Linear coefficient of temperature about 300.15 K (27 C)."""
    tc2: PerSquareKelvin = 0.0
    """Quadratic coefficient of temperature about 300.15 K."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            return data
        try:
            return {"within": parse_quantity(data, "")}
        except QuantityError as error:
            raise ValueError(f"{error}; such as 1 % or {{sigma: 1 %}}") from None

    @model_validator(mode="after")
    def _one_kind(self) -> "Tolerance":
        if self.within is not None and self.sigma is not None:
            raise ValueError("expected within or sigma, got both")
        return self

    def drawn(self, rng: np.random.Generator) -> float:
        """A factor on the value."""
        flat = rng.uniform(-1.0, 1.0)
        normal = rng.standard_normal()
        return 1 + flat * (self.within or 0.0) + normal * (self.sigma or 0.0)

    def at_corner(self, corner: Corner) -> float:
        """The factor of a corner: every value at its upper end for slow, at its lower end for fast."""
        reach = (self.within or 0.0) + _CORNER_SIGMAS * (self.sigma or 0.0)
        sign = {"slow": 1, "typical": 0, "fast": -1}[corner]
        return max(1 + sign * reach, 1e-3)

    def at_temperature(self, temperature: float) -> float:
        """The factor of a temperature [K]."""
        away = temperature - _REFERENCE
        return 1 + self.tc1 * away + self.tc2 * away**2

    @property
    def standard_deviation(self) -> float:
        """Relative."""
        return (self.within or 0.0) / 3**0.5 + (self.sigma or 0.0)


@dataclass(frozen=True, slots=True)
class Tolerances:
    """Tolerances by patterns of element names (`R*`, `C1`); where several match, the last one counts."""

    patterns: Mapping[str, Tolerance]

    def of(self, network: Network) -> dict[str, Tolerance]:
        """The tolerance of each element that has one.

        Raises:
            DesignError: a pattern that no element with a value matches; all of them.
        """
        names = [e.name for e in network.elements if value_of(e) is not None]
        found: dict[str, Tolerance] = {}
        unused = []
        for pattern, tolerance in self.patterns.items():
            matched = [name for name in names if fnmatchcase(name, pattern.lower())]
            found |= dict.fromkeys(matched, tolerance)
            if not matched:
                unused.append(f"tolerances.{pattern}: matches no element")
        if unused:
            shown = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
            raise DesignError(f"{joined(unused)}; the elements of {network.name} are {shown}")
        return found

    def drawn(self, network: Network, seed: int) -> Network:
        """One chip: the same for the same seed, whatever else has a tolerance."""
        return scaled(network, self.factors(network, seed))

    def factors(self, network: Network, seed: int) -> dict[str, float]:
        """Factors on the values of one chip.

        Each element has a stream of its own, so that a tolerance added to another one changes nothing here.
        """
        return {
            name: tolerance.drawn(np.random.default_rng([seed, _STREAM, zlib.crc32(name.encode())]))
            for name, tolerance in self.of(network).items()
        }

    def at(self, network: Network, corner: Corner = "typical", temperature: float | None = None) -> Network:
        """The circuit at a corner and a temperature [K], by its elements' coefficients and for its thermal noise.

        Raises:
            DesignError: a temperature at which a value is not positive.
        """
        kelvin = float(network.temperature if temperature is None else temperature)
        factors = {
            name: tolerance.at_corner(corner) * tolerance.at_temperature(kelvin)
            for name, tolerance in self.of(network).items()
        }
        if wrong := [name for name, factor in factors.items() if not factor > 0]:
            raise DesignError(f"temperature: at {kelvin:g} K the value of {wrong[0]} is not positive")
        return replace(scaled(network, factors), temperature=kelvin)
