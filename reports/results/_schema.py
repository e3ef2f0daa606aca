"""What the files of a result folder hold, as far as the report reads them: checked before anything is drawn.

Keys that are not named here are let through and are not read. Numbers are finite, and so small that squares and sums of
them are finite as well; texts can be written, and are no longer than a person reads.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, NotRequired

import numpy as np
import xarray as xr
from jaxtyping import Float
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from ...files import reasons
from .._exceptions import ReportError

_LARGEST = 1e100
_LONGEST_NAME = 300
_LONGEST_TEXT = 20_000
_MOST_STEPS = 2**53
_MOST_CELLS = 10_000
_PART = 1000

_CONFIG = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


def _writable(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("expected text that can be written, got half of a surrogate pair") from None
    return "".join(c if c.isprintable() else " " for c in text)


Number = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST)]
NotNegative = Annotated[float, Field(ge=0, le=_LARGEST)]
Count = Annotated[int, Field(ge=0, le=_MOST_STEPS)]
Name = Annotated[str, Field(max_length=_LONGEST_NAME), AfterValidator(_writable)]
Text = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(_writable)]
Cells = Annotated[int, Field(ge=1, le=_MOST_CELLS)]
Vector = Annotated[list[Number], Field(min_length=1)]
Matrix = Annotated[list[Vector], Field(min_length=1)]
Scalar = bool | int | Number | Name | None
"""The value of a parameter of a study."""


@with_config(_CONFIG)
class Summary(TypedDict, total=False):
    """Of any command."""

    command: Name
    seed: Count | None
    instance_seed: Count | None
    quick: bool
    started: Name
    elapsed_s: NotNegative
    engine: Name
    versions: dict[Name, Name | Number | None]
    study: Name
    topology: Name
    n: Cells


@with_config(_CONFIG)
class SimulationSummary(TypedDict):
    """Of `simulate`."""

    topology: Name
    n: Cells
    design: Name
    level: Name
    temperature: Number
    engine: Name
    version: int | Name
    analysis: NotRequired[Name]
    relative_error: NotRequired[Number]
    predicted_relative_error: NotRequired[Number | None]
    v: NotRequired[list[Number | None]]
    x: NotRequired[list[Number | None]]
    warnings: NotRequired[list[Text]]


@with_config(_CONFIG)
class NetlistSummary(TypedDict):
    """Of `simulate --netlist`."""

    netlist: Text
    outputs: list[Text]
    analysis: Name
    engine: Name
    version: int | Name
    v: NotRequired[list[Number | None]]
    predicted: NotRequired[list[Number | None]]
    rms: NotRequired[list[Number | None]]
    model_rms: NotRequired[list[Number | None]]
    time_constants: NotRequired[list[Number]]
    temperature: NotRequired[Number]
    warnings: NotRequired[list[Text]]


@with_config(_CONFIG)
class Metric(TypedDict, total=False):
    """Statistics of one metric of a study."""

    count: Count
    mean: Number
    mean_low: Number
    mean_high: Number
    median: Number
    min: Number
    max: Number


@with_config(_CONFIG)
class Point(TypedDict):
    """One point of a study."""

    parameters: dict[Name, Scalar]
    metrics: dict[Name, Metric]


@with_config(_CONFIG)
class Bound(TypedDict):
    """The loosest value of a parameter that keeps a bound, for values of the others."""

    parameters: dict[Name, Scalar]
    loosest: NotRequired[Scalar]
    next: NotRequired[Scalar]
    mean: NotRequired[Number]
    mean_low: NotRequired[Number]
    mean_high: NotRequired[Number]


@with_config(_CONFIG)
class Failure(TypedDict):
    """A run that failed."""

    run: int
    reason: Text


_Yield = TypedDict(
    "_Yield", {"yield": NotRequired[Number], "yield_low": NotRequired[Number], "yield_high": NotRequired[Number]}
)
"""The share of runs that keep all limits; the word cannot be a name."""


@with_config(_CONFIG)
class StudySummary(_Yield):
    """Of `sweep`."""

    study: Name
    method: NotRequired[Name]
    seed: NotRequired[Count]
    runs: NotRequired[Count]
    done: NotRequired[Count]
    failed: NotRequired[Count]
    missing: NotRequired[Count]
    metrics: NotRequired[dict[Name, Metric]]
    points: NotRequired[list[Point]]
    specification: NotRequired[list[Bound]]
    failures: NotRequired[list[Failure]]
    units: NotRequired[dict[Name, Name]]
    pictures: NotRequired[list[Name]]


@with_config(_CONFIG)
class TopologyOf(TypedDict):
    """The topology of an instance."""

    name: Name
    n: Cells


@with_config(_CONFIG)
class InstanceOf(TypedDict, total=False):
    """instance.json."""

    topology: TopologyOf
    seed: Count | None


@with_config(_CONFIG)
class Check(TypedDict, total=False):
    """A row of fidelity.json."""

    topology: Name
    level: Name
    size: Count
    analysis: Name
    metric: Name
    value: Number
    limit: NotNegative
    passed: bool


@with_config(_CONFIG)
class ParameterRow(TypedDict):
    """A row of parameters.json."""

    name: Name
    index: list[Count]
    estimate: Number
    standard_error: NotNegative
    true: NotRequired[Number | None]
    unit: NotRequired[Name]


@with_config(_CONFIG)
class HeldOutRow(TypedDict):
    """A row of heldout.json."""

    spice: Vector
    design: Vector
    calibrated: Vector
    nominal: Vector


@with_config(_CONFIG)
class Covariance(TypedDict):
    """covariance.json."""

    spice: Matrix
    model: Matrix


@with_config(_CONFIG)
class Trained(TypedDict):
    """One training in in-the-loop.json."""

    losses: Vector
    parameters: Vector


@with_config(_CONFIG)
class InTheLoop(TypedDict):
    """in-the-loop.json."""

    spice: Trained
    calibrated: Trained
    design: Trained
    sd: Annotated[list[Annotated[float, Field(gt=0, le=_LARGEST)]], Field(min_length=1)]
    draws: Count


@with_config(_CONFIG)
class Entry(TypedDict, total=False):
    """A row of runs.jsonl or curves.jsonl, beside its run."""

    task: Name | None
    seed: Count | None
    optimizer: Name | None
    solver: Name | None
    train_loss: Number
    test_loss: Number
    test_accuracy: Number
    elapsed_s: NotNegative
    modelled_time_s: NotNegative
    modelled_energy_J: NotNegative
    modelled_digital_s: NotNegative
    modelled_loading_s: NotNegative
    modelled_drive_s: NotNegative
    modelled_relaxation_s: NotNegative
    modelled_readout_s: NotNegative


@with_config(_CONFIG)
class RunRow(Entry):
    """A row of runs.jsonl."""

    run: Name
    steps: NotRequired[Count]


@with_config(_CONFIG)
class CurveRow(Entry):
    """A row of curves.jsonl."""

    run: Name
    step: Count


@lru_cache
def _adapter(kind: Any) -> Any:
    return TypeAdapter(kind)


@lru_cache
def _adapter_of_rows(kind: Any) -> Any:
    return TypeAdapter(list[kind], config=ConfigDict(strict=True))


def checked(kind: Any, data: Any, where: str) -> Any:
    """Plain data that are of a kind.

    Args:
        kind: one of the kinds above, or a list of it.
        data: as JSON gives it.
        where: for the message, as `FILE`.

    Raises:
        ReportError: they are not; with the field.
    """
    try:
        return _adapter(kind).validate_python(data)
    except ValidationError as error:
        raise ReportError(f"{where}: {reasons(error)}") from None


def checked_rows(kind: Any, data: Any, where: str) -> Any:
    """A list of what `checked` gives.

    Raises:
        ReportError: as `checked`; with the number of the row among a thousand.
    """
    if not isinstance(data, list):
        raise ReportError(f"{where}: expected a list, got {type(data).__name__}")
    found: list[Any] = []
    # In parts: of a million rows that are wrong, each would be told.
    for start in range(0, len(data), _PART):
        part = f", after row {start}" if start else ""
        try:
            found += _adapter_of_rows(kind).validate_python(data[start : start + _PART])
        except ValidationError as error:
            raise ReportError(f"{where}{part}: {reasons(error)}") from None
    return found


def check_waveforms(data: xr.Dataset, names: Sequence[str], where: str) -> None:
    """Raise `ReportError` unless the waves of every name, their times, and their spread belong together."""
    wanted = {**dict.fromkeys(names, ("time", "cell")), "sd": ("cell",), "time": ("time",)}
    for name, dims in wanted.items():
        if name not in data.variables:
            raise ReportError(f"{where}: expected the variable {name!r}, which is missing")
        found = data[name]
        if found.dims != dims or found.size == 0 or found.dtype.kind not in "iuf":
            raise ReportError(f"{where}: {name}: expected numbers along {', '.join(dims)}")
        if not (np.abs(found.values.astype(float)) <= _LARGEST).all():
            raise ReportError(f"{where}: {name}: expected finite values")
    if (data["sd"].values < 0).any():
        raise ReportError(f"{where}: sd: expected standard deviations, got some below zero")


def check_pair(x: list[Any], y: list[Any], names: str, where: str) -> None:
    """Raise `ReportError` unless two lists go together."""
    if len(x) != len(y):
        raise ReportError(f"{where}: {names}: expected as many values, got {len(x)} and {len(y)}")


def rectangle(rows: list[list[float]], name: str, where: str) -> Float[np.ndarray, "rows columns"]:
    """Rows of one length as an array.

    Raises:
        ReportError: they differ in length.
    """
    if len({len(row) for row in rows}) > 1:
        raise ReportError(f"{where}: {name}: expected rows of one length, got {sorted({len(row) for row in rows})}")
    return np.array(rows, dtype=float)


def check_design(data: Mapping[str, Any], where: str, prefix: str = "", depth: int = 0) -> None:
    """Check the values of a design: texts, numbers, and lists and mappings of them.

    Raises:
        ReportError: something else, or nested deeper than a design is.
    """
    if depth > 5:
        raise ReportError(f"{where}: {prefix.rstrip('.')}: nested too deep for a design")
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            check_design(value, where, f"{name}.", depth + 1)
        else:
            checked(_DesignValue, {"value": value}, f"{where}: {name[:_LONGEST_NAME]}")
        checked(_Key, {"key": str(key)}, where)


@with_config(_CONFIG)
class _DesignValue(TypedDict):
    value: bool | int | Number | Text | list[bool | int | Number | Text | None] | None


@with_config(_CONFIG)
class _Key(TypedDict):
    key: Name
