"""What varies in a study: values, ranges and distributions, and the points that they make."""

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import scipy
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...files.quantities import Count, QuantityError, parse_quantity
from ._units import quantity_of

# Stream of the study's seed; the chip and the program have 0 and 1.
_STREAM = 2


class Parameter(BaseModel):
    """One of: `values`; `low` and `high` (with `count` on a grid); `mean` and `sigma` (cut at `low` and `high`).

    Numbers may be written like the field that they are for (`10k`, `85 %`). With `scale: log` a range is uniform in
    the logarithm, and a normal distribution is that of the logarithm, with median `mean`. `sigma` is in units of the
    field; written with `%` it is relative to `mean`, and with `scale: log` it is that of the natural logarithm.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: tuple[Any, ...] | None = Field(None, min_length=1)
    """What the field takes, one after the other."""
    low: Any = None
    """Lower end, in the field's unit."""
    high: Any = None
    """Upper end, in the field's unit."""
    count: Annotated[Count, Field(ge=1)] | None = None
    """Values on a grid between the ends."""
    scale: Literal["linear", "log"] = "linear"
    """How they are spaced, or drawn."""
    mean: Any = None
    """Of a normal distribution."""
    sigma: Any = None
    """Its standard deviation; in per cent it is of the mean."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        return {"values": data} if isinstance(data, list | tuple) else data

    @model_validator(mode="after")
    def _one_kind(self) -> "Parameter":
        numbers = [name for name in ("low", "high", "mean", "sigma", "count") if getattr(self, name) is not None]
        if self.values is not None:
            if numbers or self.scale != "linear":
                raise ValueError(f"expected values alone, got also {', '.join(numbers) or 'scale'}")
            if len({repr(value) for value in self.values}) != len(self.values):
                raise ValueError(f"values: expected different ones, got {list(self.values)}")
        elif (self.mean is None) != (self.sigma is None):
            raise ValueError("mean and sigma belong together; give both")
        elif self.mean is None and (self.low is None or self.high is None):
            raise ValueError("expected values, low and high, or mean and sigma")
        return self

    def faults(self, name: str, method: str) -> Iterator[str]:
        """Why the method cannot use it."""
        if method == "grid" and self.values is None:
            if self.mean is not None:
                yield f"parameters.{name}: a grid takes values or a range; use another method for a normal"
            elif self.count is None:
                yield f"parameters.{name}.count: missing; a range on a grid needs it"
        if method != "grid" and self.count is not None:
            yield f"parameters.{name}.count: means nothing to {method}; remove it"
        if method == "optimise" and self.mean is not None:
            yield f"parameters.{name}: a search takes values or a range; a normal has no ends"


Reader = Callable[[str, Any], Any]
"""From a parameter's name and a value as written to the value as the field has it."""


def points(
    parameters: Mapping[str, Parameter], method: str, samples: int | None, seed: int, read: Reader
) -> list[dict[str, Any]]:
    """The points of a study, in order: the last parameter of a grid varies fastest.

    Raises:
        ValueError: bounds that make no range.
    """
    if method == "grid":
        axes = [_axis(name, parameter, read) for name, parameter in parameters.items()]
        return [dict(zip(parameters, values, strict=True)) for values in itertools.product(*axes)]
    return points_at(parameters, _unit_samples(method, samples or 0, len(parameters), seed), read)


def points_at(
    parameters: Mapping[str, Parameter], unit: Float[np.ndarray, "points parameters"], read: Reader
) -> list[dict[str, Any]]:
    """Points by the share of each parameter's distribution that lies below: 0 is a range's `low`, 1 its `high`.

    Raises:
        ValueError: bounds that make no range.
    """
    columns = [_transformed(name, p, unit[:, k], read) for k, (name, p) in enumerate(parameters.items())]
    return [dict(zip(parameters, row, strict=True)) for row in zip(*columns, strict=True)]


def _unit_samples(method: str, samples: int, dimensions: int, seed: int) -> Float[np.ndarray, "samples dimensions"]:
    rng = np.random.default_rng([seed, _STREAM])
    if method == "monte-carlo":
        return rng.random((samples, dimensions))
    # SciPy 1.15 renamed the argument.
    name = "rng" if "rng" in inspect.signature(scipy.stats.qmc.LatinHypercube).parameters else "seed"
    sampler: Any = scipy.stats.qmc.LatinHypercube
    return np.asarray(sampler(dimensions, **{name: rng}).random(samples))


def _axis(name: str, parameter: Parameter, read: Reader) -> Sequence[Any]:
    if parameter.values is not None:
        values = [read(name, value) for value in parameter.values]
        if len({repr(value) for value in values}) != len(values):
            raise ValueError(f"parameters.{name}.values: expected different ones, got {values}")
        return values
    low, high = _bounds(name, parameter, read)
    space = np.geomspace if parameter.scale == "log" else np.linspace
    # Rounded to 12 digits so that 0.1, 0.2, 0.3 read as such.
    return [float(f"{value:.12g}") for value in space(low, high, parameter.count or 1)]


def _transformed(name: str, parameter: Parameter, unit: Float[np.ndarray, " samples"], read: Reader) -> list[Any]:
    if parameter.values is not None:
        values = [read(name, value) for value in parameter.values]
        return [values[min(int(u * len(values)), len(values) - 1)] for u in unit]
    log = parameter.scale == "log"
    if parameter.mean is None:
        low, high = _bounds(name, parameter, read)
        if all(type(read(name, end)) is int for end in (parameter.low, parameter.high)):
            return _whole_numbers(int(low), int(high), log, unit)
        if log:
            return [float(value) for value in low * (high / low) ** unit]
        return [float(value) for value in low + (high - low) * unit]
    return [float(value) for value in _normal(name, parameter, unit, read, log)]


def _whole_numbers(low: int, high: int, log: bool, unit: Float[np.ndarray, " samples"]) -> list[int]:
    """Of a field that takes no others: each with its share of the range, which reaches half a step beyond its ends."""
    a = low - 0.5
    b = high + 0.5
    places = a * (b / a) ** unit if log else a + (b - a) * unit
    return [int(value) for value in np.clip(np.rint(places), low, high)]


def _normal(
    name: str, parameter: Parameter, unit: Float[np.ndarray, " samples"], read: Reader, log: bool
) -> Float[np.ndarray, " samples"]:
    mean = _number(name, "mean", parameter.mean, read)
    if log and mean <= 0:
        raise ValueError(f"parameters.{name}.mean: expected more than 0 with scale log, got {mean:g}")
    centre, sigma = (
        (float(np.log(mean)), _sigma(name, parameter.sigma, 1.0, ""))
        if log
        else (
            mean,
            _sigma(name, parameter.sigma, abs(mean), _unit_of_sigma(name)),
        )
    )
    cut = [-np.inf, np.inf]
    for k, bound in enumerate(("low", "high")):
        given = getattr(parameter, bound)
        if given is not None:
            value = _number(name, bound, given, read)
            cut[k] = float(np.log(value)) if log else value
    if not cut[0] < cut[1]:
        raise ValueError(f"parameters.{name}: expected low < high, got {parameter.low} and {parameter.high}")
    a, b = ((c - centre) / sigma for c in cut)
    drawn = scipy.stats.truncnorm.ppf(unit, a, b, loc=centre, scale=sigma)
    return np.asarray(np.exp(drawn) if log else drawn)


def _bounds(name: str, parameter: Parameter, read: Reader) -> tuple[float, float]:
    given = parameter.low, parameter.high
    if all(type(bound) in (int, float) for bound in given) and not given[0] < given[1]:
        raise ValueError(f"parameters.{name}: expected low < high, got {given[0]:g} and {given[1]:g}")
    low, high = (_number(name, bound, getattr(parameter, bound), read) for bound in ("low", "high"))
    if not low < high:
        raise ValueError(f"parameters.{name}: expected low < high, got {low:g} and {high:g}")
    if parameter.scale == "log" and low <= 0:
        raise ValueError(f"parameters.{name}.low: expected more than 0 with scale log, got {low:g}")
    return low, high


def _number(name: str, bound: str, given: Any, read: Reader) -> float:
    value = read(name, given)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"parameters.{name}.{bound}: expected a number, got {value!r}; use values")
    return float(value)


def _sigma(name: str, given: Any, whole: float, unit: str) -> float:
    relative = isinstance(given, str) and given.strip().endswith("%")
    try:
        sigma = parse_quantity(given, "") * whole if relative else parse_quantity(given, unit)
    except QuantityError as error:
        raise ValueError(f"parameters.{name}.sigma: {error}") from None
    if not sigma > 0:
        raise ValueError(f"parameters.{name}.sigma: expected a positive number or one with %, got {given!r}")
    return sigma


def _unit_of_sigma(name: str) -> str:
    """A standard deviation has the unit of its field; that of a temperature is a difference."""
    unit = quantity_of(name) or ""
    return "K of difference" if unit == "K" else unit
