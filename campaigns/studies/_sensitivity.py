"""What a ranking of parameters is asked for."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from ...files.quantities import Count, QuantityError, Ratio, parse_quantity
from ._limits import Frozen, Limit, in_its_unit
from ._metrics import Metric
from ._parameters import Parameter

YIELD = "yield"
"""In the place of a metric: the part of the chips that keep every limit of the study."""

Way = Literal["one-at-a-time", "sobol"]


class Sensitivity(Frozen):
    """What is asked: by how much each parameter moves a metric, over the ranges that the study's parameters have."""

    metric: str
    """What is moved: a number of the runs, or `yield`, the part of the chips that keep the study's limits."""
    of_the_chips: Literal["mean", "median"] | Ratio = "mean"
    """What is taken of the metric over the chips of a point: `mean`, `median`, or a quantile such as `90 %`."""
    methods: tuple[Way, ...] = Field(("one-at-a-time", "sobol"), min_length=1)
    """`one-at-a-time`: each parameter goes through its range, the others stay as the study's settings have them.
    `sobol`: all vary together, and the variance of the metric is divided among them."""
    levels: Annotated[Count, Field(ge=2, le=50)] = 3
    """Values of a range that one-at-a-time takes, both ends among them."""
    samples: Annotated[Count, Field(ge=8)] = 64
    """Rows of the Sobol design, a power of two; it has (parameters + 2) x samples points."""
    resamples: Annotated[Count, Field(ge=100, le=10_000)] = 500
    """Bootstrap samples behind each 95 % interval."""
    failed_as: float | None = None
    """What the metric of a run that failed counts as. Without it the rows of the design that hold such a run are
    left out, and where they are more than a tenth no index is given."""

    @model_validator(mode="before")
    @classmethod
    def _in_the_metric_s_unit(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("metric") == YIELD:
            return data
        return in_its_unit(data, "failed_as")

    @field_validator("of_the_chips", mode="before")
    @classmethod
    def _word_or_part(cls, given: Any) -> Any:
        if given in ("mean", "median"):
            return given
        try:
            part = parse_quantity(given, "")
        except QuantityError:
            part = math.nan
        if not 0 < part < 1:
            raise ValueError(f"expected mean, median, or a quantile such as 90 %, got {given!r}")
        return part

    @field_validator("samples")
    @classmethod
    def _power(cls, samples: int) -> int:
        if samples & (samples - 1):
            below = 1 << (samples.bit_length() - 1)
            raise ValueError(f"expected a power of two, such as {below} or {2 * below}, got {samples}")
        return samples

    def faults(
        self, metrics: Mapping[str, Metric], parameters: Mapping[str, Parameter], limits: tuple[Limit, ...]
    ) -> Iterator[str]:
        """Why a study cannot rank its parameters."""
        if not parameters:
            yield "parameters: missing; sensitivity needs at least one, with its range"
        if self.metric == YIELD and not limits:
            yield "sensitivity.metric: a yield is of limits; give the study limits"
        elif self.metric not in (*metrics, YIELD):
            yield f"sensitivity.metric: expected one of {', '.join((*metrics, YIELD))}, got {self.metric!r}"
        if self.metric == YIELD and (self.of_the_chips != "mean" or self.failed_as is not None):
            name = "failed_as" if self.failed_as is not None else "of_the_chips"
            yield f"sensitivity.{name}: means nothing to a yield, in which a failed run keeps no limit; remove it"
        if len(set(self.methods)) != len(self.methods):
            yield f"sensitivity.methods: expected each once, got {', '.join(self.methods)}"
        for name, parameter in parameters.items():
            if parameter.values is not None and len(parameter.values) < 2:
                yield f"parameters.{name}.values: expected two or more; one value moves nothing"
