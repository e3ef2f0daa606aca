"""What a good run keeps, in the units of what is measured."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...files import joined
from ...files.quantities import QuantityError, Ratio, parse_quantity
from ._metrics import EVERY_METRIC, netlist_quantity


class Frozen(BaseModel):
    """A part of a study, of which every field is known and checked."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


def in_its_unit(data: Any, *bounds: str) -> Any:
    """Bounds of a metric as numbers in the unit that the metric has."""
    if not isinstance(data, Mapping):
        return data
    name = str(data.get("metric"))
    unit = EVERY_METRIC[name].quantity if name in EVERY_METRIC else netlist_quantity(name)
    if unit is None and name in data.values() and any(isinstance(data.get(bound), str) for bound in bounds):
        raise ValueError(f"metric: expected one such as {', '.join(EVERY_METRIC)}, or dc(NODE), got {name!r}")
    if unit is None:
        return data
    found = dict(data)
    wrong = []
    for name in bounds:
        if found.get(name) is not None:
            try:
                found[name] = parse_quantity(found[name], unit)
            except QuantityError as error:
                wrong.append(f"{name}: {error}")
    if wrong:
        raise ValueError(joined(wrong))
    return found


class Limit(Frozen):
    """What a good run keeps; a run that failed, or has no such number, is not a good one."""

    metric: str
    """What is kept, by the name that tables have."""
    at_most: float | None = None
    """Upper bound, in the metric's unit."""
    at_least: float | None = None
    """Lower bound, in the metric's unit."""
    typical: float | None = None
    """What is aimed at, for the tables; no bound."""
    required_yield: Annotated[Ratio, Field(ge=0, le=1)] | None = None
    """The command ends with exit code 1 when fewer runs than this keep the limit."""

    @model_validator(mode="before")
    @classmethod
    def _in_the_metric_s_unit(cls, data: Any) -> Any:
        return in_its_unit(data, "at_most", "at_least", "typical")

    @model_validator(mode="after")
    def _bounded(self) -> "Limit":
        if self.at_most is None and self.at_least is None:
            raise ValueError("expected at_most or at_least")
        if self.at_most is not None and self.at_least is not None and self.at_least > self.at_most:
            raise ValueError(f"expected at_least <= at_most, got {self.at_least} and {self.at_most}")
        return self

    def keeps(self, value: float | None) -> bool:
        """NaN and absent values do not."""
        if value is None or value != value:
            return False
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)

    def room(self, value: float | None) -> float:
        """How far a value is from the nearest bound: below zero beyond it, and without a value as far as can be."""
        if value is None or value != value:
            return -math.inf
        ends = [value - self.at_least] if self.at_least is not None else []
        ends += [self.at_most - value] if self.at_most is not None else []
        return min(ends)

    @property
    def label(self) -> str:
        low = "" if self.at_least is None else f"{self.at_least:g} <= "
        high = "" if self.at_most is None else f" <= {self.at_most:g}"
        return f"{low}{self.metric}{high}"


class Specification(Frozen):
    """For every combination of the other parameters, the largest value of one that keeps a bound."""

    loosest: str
    """The parameter; larger is looser."""
    metric: str
    """What the bound is on."""
    at_most: float
    """For the mean over the instances."""

    @model_validator(mode="before")
    @classmethod
    def _in_the_metric_s_unit(cls, data: Any) -> Any:
        return in_its_unit(data, "at_most")
