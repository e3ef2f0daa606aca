"""Reading a measurement: every attribute and unit checked once, before any number is used."""

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...circuits import LEVELS, Design, DesignError, Level, Program, ProgramError, Scaling, Topology, make_topology
from ...files import FileError, one_of, parse_json
from ...files.quantities import QuantityError, parse_quantity
from .._exceptions import MeasurementError
from ._aligned import aligned, real_values, scatter
from ._floor import FLOOR
from ._layout import ANALYSES, OPTIONAL, SCHEMA, UNITS, VARIABLES
from ._moments import Moments, moments_in

_NEAR = 50.0
"""Kelvin about the design's temperature within which a measurement's needs no unit."""

_CONTRADICTED = 3.0
"""Times the stated noise: of 30 samples or more, scatter is known to a sixth of itself."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a dataset says, checked. Voltages are those of the circuit [V]; `values` holds the arrays by name."""

    analysis: str
    design: Design
    topology: Topology
    level: Level
    program: Program
    scaling: Scaling
    values: Mapping[str, Float[np.ndarray, "..."]]
    readout_sigma: float
    relative_sigma: float
    """Relative standard deviation of one value of a response or a density; zero where none is stated."""
    noisy: bool
    """A transient with noise: its values scatter about the mean."""
    noise_step: float | None
    """How long the simulator's random sources keep their value [s]; None for white noise."""
    instance_digest: str
    simulator: str
    digest: str
    """SHA-256 of the numbers and of what they belong to."""

    @property
    def n(self) -> int:
        """Number of cells."""
        return self.topology.n

    @property
    def moments(self) -> Moments:
        """Second moments, of the analyses `cross` and `covariance`."""
        return moments_in(self.values, self.n)


def read_measurement(dataset: xr.Dataset, where: str = "measurement") -> Measurement:
    """Check a dataset as `netlists.simulate` or `digitise` makes it, and bring it into the order of its labels.

    Raises:
        MeasurementError: something is missing, empty, not finite, in a unit of another kind or of another shape or
            schema, or the samples of a transient scatter and no attribute says by how much.
    """
    try:
        return _read(aligned(dataset, where), where)
    except (DesignError, ProgramError) as error:
        raise MeasurementError(f"{where}: {error}") from None


def _read(dataset: xr.Dataset, where: str) -> Measurement:
    attrs = dataset.attrs
    _check_schema(attrs, where)
    analysis = _text(attrs, "analysis", where)
    if analysis not in VARIABLES:
        raise MeasurementError(f"{where}: analysis: expected one of {', '.join(ANALYSES)}, got {analysis!r}")
    sizes = {"r": int(_number(attrs, "r", where))} if "r" in attrs else {}
    topology = make_topology(_text(attrs, "topology", where), _count(dataset, attrs, where), **sizes)
    n = topology.n
    for name in ("A", "b"):
        if name not in dataset:
            raise MeasurementError(f"{where}: the program is missing: expected the variable {name!r}")
    program = _program(dataset, where)
    layout = {name: dims for name, dims in VARIABLES[analysis].items() if name in dataset or name not in OPTIONAL}
    values = {name: _array(dataset, name, dims, where) for name, dims in layout.items()}
    if analysis == "tran":
        values.setdefault("v0", np.zeros(n))
        _check_times(values["time"], where)
        _check_noise(values, _design(attrs, where), attrs, where)
    if "frequency" in values:
        _check_frequencies(values["frequency"], where)
    if "moments" in values:
        _check_moments(values, n, where)
    return Measurement(
        analysis=analysis,
        design=_design(attrs, where),
        topology=topology,
        level=_level(attrs, where),
        program=program,
        scaling=Scaling(_positive(attrs, "conductance_scale", where), _positive(attrs, "drive_scale", where)),
        values=values,
        readout_sigma=_number(attrs, "readout_sigma", where, 0.0, "V"),
        relative_sigma=_number(attrs, "relative_sigma", where, 0.0),
        noisy=analysis == "tran" and "noise_seed" in attrs,
        noise_step=_positive(attrs, "noise_step", where, "s") if "noise_step" in attrs else None,
        instance_digest=_text(attrs, "instance_digest", where),
        simulator=f"{attrs.get('simulator', 'unknown')} {attrs.get('simulator_version', '')}".strip(),
        digest=_digest(dataset),
    )


def _program(dataset: xr.Dataset, where: str) -> Program:
    b = _array(dataset, "b", ("cell",), where)
    if "J" not in dataset:
        return Program(_array(dataset, "A", ("cell", "cell_in"), where), b)
    J = _array(dataset, "J", ("rank", "cell"), where)
    H = _array(dataset, "H", ("rank", "rank_in"), where)
    return Program.from_factors(J, H, float(_array(dataset, "damping", (), where)), b)


def _check_schema(attrs: Mapping[Hashable, Any], where: str) -> None:
    schema = attrs.get("schema", SCHEMA)
    if schema != SCHEMA:
        raise MeasurementError(f"{where}: expected schema {SCHEMA}, got {schema!r}; measure again with this version")


def _text(attrs: Mapping[Hashable, Any], name: str, where: str) -> str:
    value = attrs.get(name)
    if not isinstance(value, str) or not value:
        raise MeasurementError(f"{where}: expected the attribute {name!r}, got {value!r}")
    return value


def _number(
    attrs: Mapping[Hashable, Any], name: str, where: str, default: float | None = None, unit: str = ""
) -> float:
    value = attrs.get(name, default)
    try:
        number = parse_quantity(value.item() if isinstance(value, np.generic | np.ndarray) else value, unit)
    except (QuantityError, ValueError):
        number = float("nan")
    if not np.isfinite(number) or number < 0:
        raise MeasurementError(f"{where}: {name}: expected a finite number of at least zero, got {value!r}")
    return number


def _positive(attrs: Mapping[Hashable, Any], name: str, where: str, unit: str = "") -> float:
    number = _number(attrs, name, where, unit=unit)
    if number == 0:
        raise MeasurementError(f"{where}: {name}: expected a number above zero, got 0")
    return number


def _count(dataset: xr.Dataset, attrs: Mapping[Hashable, Any], where: str) -> int:
    n = int(_number(attrs, "n", where))
    if dataset.sizes.get("cell") != n:
        raise MeasurementError(f"{where}: expected {n} cells as its attribute n says, got {dataset.sizes.get('cell')}")
    return n


def _level(attrs: Mapping[Hashable, Any], where: str) -> Level:
    return one_of(_text(attrs, "level", where), LEVELS, f"{where}: level", MeasurementError)


def _design(attrs: Mapping[Hashable, Any], where: str) -> Design:
    try:
        data = parse_json(_text(attrs, "design", where), f"{where}: design")
    except FileError:
        raise MeasurementError(f"{where}: design: expected the design as JSON") from None
    design = Design.from_dict(data, f"{where}: design")
    temperature = _temperature(attrs, design, where)
    # Noise goes with the temperature of the measurement, not with the one that the design is made for.
    return design if temperature == design.temperature else design.model_copy(update={"temperature": temperature})


def _temperature(attrs: Mapping[Hashable, Any], design: Design, where: str) -> float:
    """[K]; a number without unit that may be one in degrees Celsius is taken only beside a design that cold."""
    value = attrs.get("temperature", design.temperature)
    value = value.item() if isinstance(value, np.generic | np.ndarray) else value
    try:
        if isinstance(value, int | float) and abs(value - design.temperature) < _NEAR:
            temperature = parse_quantity(value, "K of difference")
        else:
            temperature = parse_quantity(value, "K")
    except (QuantityError, ValueError) as error:
        raise MeasurementError(f"{where}: temperature: {error}") from None
    if not temperature > 0:
        raise MeasurementError(f"{where}: temperature: expected kelvin, greater than 0, got {value!r}")
    return temperature


def _array(dataset: xr.Dataset, name: str, dims: tuple[str, ...], where: str) -> Float[np.ndarray, "..."]:
    if name not in dataset.variables:
        raise MeasurementError(f"{where}: expected the variable {name!r}, which is missing")
    variable = dataset[name]
    if set(variable.dims) != set(dims):
        raise MeasurementError(f"{where}: {name}: expected the dimensions {dims}, got {variable.dims}")
    if variable.size == 0:
        raise MeasurementError(f"{where}: {name}: expected values, got none")
    required = name not in ("A", "b", "v0")
    return real_values(variable.transpose(*dims), name, UNITS[name], required, where)


def _check_times(time: Float[np.ndarray, " time"], where: str) -> None:
    if len(time) < 2:
        raise MeasurementError(f"{where}: time: expected at least 2 samples of a transient, got {len(time)}")
    if time[0] < 0 or not (np.diff(time) > 0).all():
        raise MeasurementError(f"{where}: time: expected rising times of at least zero")


def _check_noise(values: Mapping[str, np.ndarray], design: Design, attrs: Mapping[Hashable, Any], where: str) -> None:
    """A record that scatters says of itself by how much, or that its noise is the chip's own."""
    if "noise_seed" in attrs:
        return
    stated = _number(attrs, "readout_sigma", where, 0.0, "V")
    seen = scatter(values["time"], values["v"])
    if seen > _CONTRADICTED * max(stated, FLOOR * design.converters.full_scale):
        says = f"and readout_sigma says {stated:.3g} V" if stated else "and no attribute says why"
        raise MeasurementError(
            f"{where}: v: the samples scatter by {seen:.3g} V about a smooth curve, {says}; give readout_sigma [V] for"
            " the readout's noise, or noise_seed (any number) where it is the chip's own"
        )


def _check_frequencies(frequency: Float[np.ndarray, " frequency"], where: str) -> None:
    if frequency[0] < 0 or not (np.diff(frequency) > 0).all():
        raise MeasurementError(f"{where}: frequency: expected rising frequencies of at least zero")


def _check_moments(values: Mapping[str, Float[np.ndarray, "..."]], n: int, where: str) -> None:
    try:
        moments_in(values, n)
    except ValueError as error:
        raise MeasurementError(f"{where}: {error}") from None


def _digest(dataset: xr.Dataset) -> str:
    hasher = hashlib.sha256()
    for name in sorted(str(key) for key in dataset.variables):
        variable = dataset[name]
        if variable.dtype.kind in "iufb":
            hasher.update(f"{name} {variable.dims} {variable.shape}".encode())
            hasher.update(np.ascontiguousarray(variable.values, dtype=np.float64).tobytes())
    for name in ("analysis", "topology", "level", "design", "instance_digest", "conductance_scale", "drive_scale"):
        hasher.update(f"{name}={dataset.attrs.get(name)}".encode())
    return hasher.hexdigest()
