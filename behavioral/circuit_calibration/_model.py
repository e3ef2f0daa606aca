"""A circuit of one's own with what is known of its elements and of its bench: kept in a file, held against records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ...circuits import CircuitError
from ...circuits.linear_circuits import Observed, observed, value_of
from ...circuits.spice_files import parse_netlist
from ...circuits.tolerances import Tolerances
from ...files import FileError, UnreadableFile, read_json, write_json
from .._exceptions import DeviceModelError
from ..devices import CIRCUIT_KIND, Check, checked_number, checked_texts
from ._fit import CircuitCalibration, readouts_of
from ._judgement import record_checks
from ._problem import Problem
from ._readout import Readouts, check_readouts
from ._terms import Term

_SCHEMA = 1


@dataclass(frozen=True, eq=False)
class CircuitModel:
    """Elements by the logarithms of their factors on the netlist's values, and what is shared by a bench's records.

    `covariance` is that of `x`: logarithms first, then the readouts' in units of their priors.
    """

    circuit: Observed
    """As the netlist has it."""
    names: tuple[str, ...]
    x: Float[np.ndarray, " p"]
    covariance: Float[np.ndarray, "p p"]
    readouts: tuple[str, ...] = ()
    """Names of the readouts' unknowns in x."""
    unknown: tuple[str, ...] = ()
    """Kinds of unknowns of the bench."""
    volts: float = 0.0
    delay: float = 0.0
    mains: float = 0.0
    records: Mapping[str, str] | None = None
    """Digests of what was fitted, by file."""

    @classmethod
    def nominal(
        cls, circuit: Observed, tolerances: Tolerances | None, unknown: Sequence[str], mains: float | None
    ) -> "CircuitModel":
        """A circuit of which nothing is known but its tolerances; exactly its values without any.

        Raises:
            DesignError: a tolerance that matches nothing.
        """
        known = {} if tolerances is None else tolerances.of(circuit.network)
        sd = {name: t.standard_deviation for name, t in known.items() if t.standard_deviation > 0}
        covariance = np.diag(np.array(list(sd.values())) ** 2).reshape(len(sd), len(sd))
        return cls(circuit, tuple(sd), np.zeros(len(sd)), covariance, (), tuple(unknown), mains=mains or 0.0)

    @classmethod
    def of(
        cls, found: CircuitCalibration, circuit: Observed, unknown: Sequence[str], records: Mapping[str, str]
    ) -> "CircuitModel":
        """What a fit found, without what was of single records."""
        readouts = found.readouts
        assert readouts is not None
        shared = [k for k, (_, record, _) in enumerate(readouts.places) if record < 0]
        keep = [*range(len(found.names)), *(len(found.names) + k for k in shared)]
        return cls(
            circuit,
            found.names,
            found.x[keep],
            found.everything[np.ix_(keep, keep)],
            tuple(readouts.names[k] for k in shared),
            tuple(unknown),
            readouts.volts,
            readouts.delay,
            readouts.mains,
            records,
        )

    def judged(self, terms: Sequence[Term]) -> list[Check]:
        """Each record by its noise, the bench's unknowns, and what is not known of the elements.

        Raises:
            MeasurementError: records that the circuit cannot have.
        """
        readouts = readouts_of(self.circuit, terms, self.unknown, self.mains)
        if self.volts:
            readouts = replace(readouts, volts=self.volts, delay=self.delay or readouts.delay)
        k = len(self.names)
        prior = np.sqrt(np.maximum(np.diag(self.covariance)[:k], np.finfo(float).tiny))
        problem = Problem(self.circuit, self.names, prior, tuple(terms), readouts)
        x, covariance = self._of(readouts)
        return record_checks(problem.weighed(x), x, covariance)

    def _of(self, readouts: Readouts) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, "p p"]]:
        """x and its covariance for other records: what is of one of them alone is as unknown as it was to the fit."""
        k = len(self.names)
        size = len(self.names) + readouts.size
        x = np.zeros(size)
        covariance = np.eye(size)
        there = [*range(k), *(k + j for j, name in enumerate(self.readouts) if name in readouts.names)]
        here = [*range(k), *(k + readouts.names.index(name) for name in self.readouts if name in readouts.names)]
        x[here] = self.x[there]
        covariance[np.ix_(here, here)] = self.covariance[np.ix_(there, there)]
        return x, covariance

    def to_dict(self, netlist: str) -> dict[str, Any]:
        """Plain data that `from_dict` reads back; `netlist` is the text of the file."""
        values = {e.name: float(value_of(e) or 0.0) for e in self.circuit.network.elements if value_of(e) is not None}
        errors = np.sqrt(np.diag(self.covariance))
        return {
            "kind": CIRCUIT_KIND,
            "schema": _SCHEMA,
            "name": self.circuit.network.name,
            "netlist": netlist,
            "outputs": list(self.circuit.labels),
            "temperature": float(self.circuit.network.temperature),
            "elements": {
                name: {
                    "value": values[name] * float(np.exp(self.x[k])),
                    "standard_error": values[name] * float(np.exp(self.x[k]) * errors[k]),
                }
                for k, name in enumerate(self.names)
            },
            "logarithms": self.x.tolist(),
            "covariance": self.covariance.tolist(),
            "readouts": list(self.readouts),
            "unknown": list(self.unknown),
            "volts": self.volts,
            "delay": self.delay,
            "mains": self.mains,
            "records": dict(self.records or {}),
        }

    def save(self, path: Path, netlist: str) -> None:
        """Write JSON."""
        write_json(path, self.to_dict(netlist))

    @classmethod
    def from_dict(cls, data: Any, where: str) -> "CircuitModel":
        """Validate plain data.

        Raises:
            DeviceModelError: something is missing, of another kind, or does not fit the rest; one line.
        """
        if not is_circuit_model(data):
            raise DeviceModelError(f"{where}: expected a calibrated netlist as `calibrate` saves it")
        if data.get("schema") != _SCHEMA:
            raise DeviceModelError(f"{where}: expected schema {_SCHEMA}, got {data.get('schema')!r}; calibrate again")
        try:
            return cls._read(data)
        except DeviceModelError as error:
            raise DeviceModelError(f"{where}: {error}") from None
        except (CircuitError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise DeviceModelError(f"{where}: not a calibrated netlist: {type(error).__name__}: {error}") from None

    @classmethod
    def _read(cls, data: Mapping[str, Any]) -> "CircuitModel":
        network = parse_netlist(str(data["netlist"]), str(data["name"])).network
        warmed = replace(network, temperature=checked_number(data["temperature"], "temperature"))
        circuit = observed(warmed, list(checked_texts(data["outputs"], "outputs")))
        names = checked_texts(list(data["elements"]), "elements")
        if missing := set(names) - {e.name for e in network.elements if value_of(e) is not None}:
            raise DeviceModelError(f"elements: {', '.join(sorted(missing))}: not in the netlist")
        readouts = checked_texts(data["readouts"], "readouts")
        x = np.array(data["logarithms"], float)
        covariance = np.array(data["covariance"], float)
        size = len(names) + len(readouts)
        fits = x.shape == (size,) and covariance.shape == (size, size)
        if not fits or not (np.isfinite(x).all() and np.isfinite(covariance).all()):
            raise DeviceModelError(f"logarithms, covariance: expected finite numbers of {size} unknowns")
        if not np.allclose(covariance, covariance.T) or (np.diag(covariance) < 0).any():
            raise DeviceModelError("covariance: expected a symmetric matrix with variances on its diagonal")
        more = {name: checked_number(data[name], name) for name in ("volts", "delay", "mains")}
        records = {str(file): str(digest) for file, digest in dict(data["records"]).items()}
        return cls(circuit, names, x, covariance, readouts, check_readouts(data["unknown"]), records=records, **more)

    @classmethod
    def load(cls, path: Path) -> "CircuitModel":
        """Read JSON.

        Raises:
            DeviceModelError: unreadable, or no such model.
        """
        return cls.from_dict(_json(path), str(path))


def is_circuit_model(data: Any) -> bool:
    """Whether plain data are those of a calibrated netlist."""
    return isinstance(data, Mapping) and data.get("kind") == CIRCUIT_KIND


def holds_circuit_model(path: Path) -> bool:
    """Whether a file has a calibrated netlist.

    Raises:
        DeviceModelError: unreadable.
    """
    return is_circuit_model(_json(path))


def _json(path: Path) -> Any:
    try:
        return read_json(path)
    except UnreadableFile as error:
        raise DeviceModelError(f"{path}: cannot read the device model: {error.reason}") from None
    except FileError as error:
        raise DeviceModelError(str(error)) from None
