"""A measurement: an xarray.Dataset with named dimensions, units and provenance; kept as netCDF."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from ..circuits import Instance, Level, Network, Program, Scaling
from ..files import replacing
from ._engine import Ngspice
from ._errors import MeasurementError
from ._vacask_engine import Vacask

Variables = Mapping[str, tuple[tuple[str, ...], Float[np.ndarray, "..."], str]]
"""Name: dimensions, values, unit."""

_COORDINATES = ("time", "frequency")

TIME_LIMIT, _BYTES_PER_SECOND = 20.0, 10e6
"""To read a file [s], with what a slow disk delivers."""


def dataset(
    instance: Instance,
    program: Program,
    level: Level,
    scaling: Scaling,
    variables: Variables,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """A measurement of a program on a chip.

    Args:
        instance: the chip.
        program: A and b as given, before scaling.
        level: depth of the amplifiers.
        scaling: how the program was fitted to the device.
        variables: what was measured; `time` and `frequency` become coordinates.
        attributes: provenance; None is left out.
    """
    everything: Variables = {
        "A": (("cell", "cell_in"), np.asarray(program.A), "1"),
        "b": (("cell",), np.asarray(program.b), "V"),
        **_factors(program),
        **variables,
    }
    fitted = {
        "level": level,
        "conductance_scale": float(scaling.conductance),
        "drive_scale": float(scaling.drive),
    }
    cells = {"cell": np.arange(program.n), "cell_in": np.arange(program.n)}
    return _labelled(everything, cells, {**_of_instance(instance), **fitted, **attributes})


def network_dataset(network: Network, variables: Variables, attributes: Mapping[str, Any]) -> xr.Dataset:
    """A measurement of a network that is not a chip with a program; variables and attributes as those of `dataset`."""
    known = {"network": network.name, "temperature": float(network.temperature)}
    return _labelled(variables, {"cell": np.arange(len(network.outputs))}, {**known, **attributes})


def _labelled(variables: Variables, cells: Mapping[str, Any], attributes: Mapping[str, Any]) -> xr.Dataset:
    arrays = {name: (dims, values, {"units": unit}) for name, (dims, values, unit) in variables.items()}
    coordinates = {name: arrays.pop(name) for name in _COORDINATES if name in arrays}
    known = {name: value for name, value in attributes.items() if value is not None}
    return xr.Dataset(arrays, {**cells, **coordinates}, known)


def _factors(program: Program) -> Variables:
    if program.factors is None:
        return {}
    J, H, damping = program.factors
    return {
        "J": (("rank", "cell"), J, "1"),
        "H": (("rank", "rank_in"), H, "1"),
        "damping": ((), np.asarray(damping), "1"),
    }


def _of_instance(instance: Instance) -> dict[str, Any]:
    return {
        "topology": instance.topology.name,
        **asdict(instance.topology),  # type: ignore[call-overload]  # every topology is a dataclass of its sizes
        "design": json.dumps(instance.design.to_dict()),
        "temperature": float(instance.design.temperature),
        "instance_seed": instance.seed,
        "instance_digest": instance.digest,
    }


def provenance(analysis: str, simulator: Ngspice | Vacask, deck: str, warnings: Sequence[str]) -> dict[str, Any]:
    """Attributes that say where the numbers come from."""
    return {
        "analysis": analysis,
        "netlist_sha256": hashlib.sha256(deck.encode()).hexdigest(),
        "simulator": "ngspice" if isinstance(simulator, Ngspice) else "VACASK",
        "simulator_version": str(simulator.version),
        "warnings": json.dumps(list(warnings)),
    }


def save_measurement(measurement: xr.Dataset, path: str | Path) -> None:
    """Write netCDF (HDF5), whole or not at all; `load_measurement` reads it back identical.

    Raises:
        MeasurementError: the file cannot be written.
    """
    target = Path(path)
    # In memory first: when the disk fills up under HDF5 itself, it brings the process down.
    content = bytes(measurement.to_netcdf(engine="h5netcdf"))
    try:
        with replacing(target) as file:
            file.write(content)
    except OSError as error:
        raise MeasurementError(f"{target}: cannot write the measurement: {error.strerror or error}") from None


def load_measurement(path: str | Path) -> xr.Dataset:
    """Read a measurement into memory.

    A process of its own reads the file first (0.2 s), since HDF5 never returns from some that are damaged.

    Raises:
        MeasurementError: no such file, or not a measurement.
    """
    try:
        _check_file(Path(path))
        measurement = xr.load_dataset(path, engine="h5netcdf")
        _check_text(measurement)
    except MeasurementError:
        raise
    except OSError as error:
        reason = error.strerror or "not a netCDF file"
        raise MeasurementError(f"{path}: cannot read the measurement: {reason}") from None
    except (ValueError, KeyError, RuntimeError, TypeError):
        raise MeasurementError(f"{path}: cannot read the measurement: not a netCDF file") from None
    if "analysis" not in measurement.attrs or not {"A", "b"} <= set(measurement.variables):
        raise MeasurementError(f"{path}: not a measurement: expected A, b and the attribute 'analysis'")
    return measurement


def _check_file(path: Path) -> None:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
    limit = round(TIME_LIMIT + size / _BYTES_PER_SECOND, 1)
    # -P: the script's folder is no place to import from.
    command = [
        sys.executable,
        "-P",
        str(Path(__file__).with_name("_read_netcdf.py")),
        str(path.absolute()),
        str(ceil(limit) + 1),
    ]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=limit)
    except subprocess.TimeoutExpired:
        raise MeasurementError(
            f"{path}: cannot read the measurement: damaged, it was not read within {limit:g} s"
        ) from None
    if done.returncode != 0:
        raise ValueError(path)


def _check_text(measurement: xr.Dataset) -> None:
    """Raise `UnicodeEncodeError` for bytes that are no text, which h5py turns into characters that no file can hold."""
    for attributes in (measurement.attrs, *(variable.attrs for variable in measurement.variables.values())):
        for name, value in attributes.items():
            f"{name}{value}".encode()
