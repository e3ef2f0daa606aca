"""What a design costs: a sum of power laws and of costs that double, as the study has them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...files import joined
from ...files.quantities import QuantityError, parse_quantity
from ..studies import Study, Term, quantity_of


@dataclass(frozen=True, slots=True)
class Part:
    """One term, in numbers."""

    coefficient: float
    at: float
    exponent: float | None
    step: float | None

    def of(self, value: float) -> float:
        """Infinite where it cannot be said."""
        try:
            if self.exponent is not None:
                return float(self.coefficient * (value / self.at) ** self.exponent)
            assert self.step is not None
            return float(self.coefficient * 2.0 ** ((value - self.at) / self.step))
        except (OverflowError, ZeroDivisionError):
            return math.inf


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a design, by its parameters' values."""

    parts: Mapping[str, tuple[Part, ...]]

    @classmethod
    def of(cls, study: Study) -> "Cost":
        """The cost of a study with `optimise`.

        Raises:
            ValueError: numbers that are none, or have another unit.
        """
        assert study.optimise is not None
        wrong: list[str] = []
        parts = {
            name: tuple(_part(name, k, term, wrong) for k, term in enumerate(terms))
            for name, terms in study.optimise.cost.items()
        }
        if wrong:
            raise ValueError(joined(wrong))
        return cls(parts)

    def by_parameter(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Each parameter's part of the cost."""
        return {name: math.fsum(part.of(float(values[name])) for part in parts) for name, parts in self.parts.items()}

    def __call__(self, values: Mapping[str, Any]) -> float:
        return math.fsum(self.by_parameter(values).values())

    def faults(self, name: str, values: list[Any]) -> Iterator[str]:
        """Values of a parameter that have no cost."""
        for value in values if name in self.parts else []:
            shown = "none" if value is None else value
            if isinstance(value, bool) or not isinstance(value, int | float):
                yield f"optimise.cost.{name}: expected values that are numbers, and {shown} has no cost"
            elif value <= 0 and any(part.exponent is not None for part in self.parts[name]):
                yield f"optimise.cost.{name}: a power law needs values above 0, got {value:g}"
            elif not math.isfinite(math.fsum(part.of(float(value)) for part in self.parts[name])):
                yield f"optimise.cost.{name}: expected a finite number at {value:g}"


def _part(name: str, k: int, term: Term, wrong: list[str]) -> Part:
    where = f"optimise.cost.{name}.{k}"
    unit = quantity_of(name) or ""
    at = _number(term.at, unit, f"{where}.at", wrong)
    step = None
    if term.doubles_every is not None:
        # A step of a temperature is a difference.
        step = _number(term.doubles_every, "K of difference" if unit == "K" else unit, f"{where}.doubles_every", wrong)
        if step == 0:
            wrong.append(f"{where}.doubles_every: expected a number that is not zero")
    elif not at > 0:
        wrong.append(f"{where}.at: expected more than 0 in a power law, got {term.at!r}")
    return Part(term.coefficient, at, term.exponent, step)


def _number(given: Any, unit: str, where: str, wrong: list[str]) -> float:
    try:
        return float(parse_quantity(given, unit))
    except QuantityError as error:
        wrong.append(f"{where}: {error}")
        return 1.0
