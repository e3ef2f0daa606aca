"""What the cheapest design is asked for."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from ...files.quantities import Count, Ratio
from ._limits import Frozen, Limit
from ._parameters import Parameter


class Term(Frozen):
    """A part of a design's cost: `coefficient (value/at)^exponent`, or `coefficient 2^((value - at)/doubles_every)`."""

    coefficient: Annotated[Ratio, Field(gt=0)]
    """Cost of a parameter that has the value `at`."""
    at: Any
    """That value, in the field's unit."""
    exponent: Ratio | None = None
    """Of the power law: -1 for what costs twice as much when it is half as large."""
    doubles_every: Any = None
    """Step of the value by which the cost doubles, in the field's unit; negative for what is dearer when smaller."""

    @model_validator(mode="after")
    def _one_law(self) -> "Term":
        if (self.exponent is None) == (self.doubles_every is None):
            raise ValueError("expected exponent or doubles_every, one of the two")
        if self.exponent == 0 or self.doubles_every in (0, "0"):
            raise ValueError("expected a number that is not zero; an equal cost for all values decides nothing")
        return self


class Optimise(Frozen):
    """The cheapest design whose chips keep the study's limits, each by its `required_yield`."""

    cost: Mapping[str, tuple[Term, ...]] = Field(min_length=1)
    """What a design costs: for each parameter a term or a list of them, which are summed up."""
    unit: str = Field("", max_length=20)
    """Of the cost, for tables and figures."""
    runs: Annotated[Count, Field(ge=1)] = 400
    """Runs that the search may use, of all chips of all designs together; references not counted."""
    confidence: Annotated[Ratio, Field(gt=0.5, lt=1)] = 0.9
    """Of the margin that the search keeps: chips are few, and the cheapest of many designs looks better than it is."""
    verify: Annotated[Count, Field(ge=5)] = 20
    """Chips that the search has never drawn, on which the design is then judged."""

    @field_validator("cost", mode="before")
    @classmethod
    def _lists(cls, cost: Any) -> Any:
        if not isinstance(cost, Mapping):
            return cost
        wrong = [name for name, terms in cost.items() if not isinstance(terms, Mapping | list | tuple)]
        if wrong:
            told = f"expected terms such as {{coefficient: 1, at: 1 %, exponent: -1}}, got {cost[wrong[0]]!r}"
            raise ValueError(f"{wrong[0]}: {told}")
        return {name: [terms] if isinstance(terms, Mapping) else terms for name, terms in cost.items()}

    def faults(self, parameters: Mapping[str, Parameter], limits: tuple[Limit, ...], chips: int) -> Iterator[str]:
        """Why a study has no cheapest design."""
        if not parameters:
            yield "parameters: missing; optimise needs at least one, with its range"
        for name in self.cost:
            if name not in parameters:
                yield f"optimise.cost.{name}: does not vary; expected one of {', '.join(parameters)}"
            elif not self.cost[name]:
                yield f"optimise.cost.{name}: expected at least one term"
        if not limits:
            yield "limits: missing; optimise needs what the chips must keep, with required_yield"
        for k, limit in enumerate(limits):
            if limit.required_yield is None or not 0 < limit.required_yield < 1:
                got = "" if limit.required_yield is None else f", got {limit.required_yield:g}"
                yield f"limits.{k}.required_yield: expected a part of the chips above 0 and below 100 %{got}"
        if chips < _FEWEST:
            yield f"instances: expected at least {_FEWEST} chips for the search, got {chips}"
        elif self.runs < chips * _FEWEST:
            yield f"optimise.runs: expected at least {_FEWEST} designs of {chips} chips, got {self.runs} runs"


_FEWEST = 4
"""Chips that a spread is told from, and designs that a search begins with."""
