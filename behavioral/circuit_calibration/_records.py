"""Measurements of a circuit as numbers with errors, and what the equations say that they are."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from jaxtyping import Float, Inexact

from ...circuits.linear_circuits import LinearCircuit, Observed
from ..processes import CircuitProcess
from ._equations import Equations
from ._readout import Readout

READOUT = 1e-3
"""Standard deviation of a voltage, as a part of the largest in its record, unless given."""

SPECTRAL = 0.03
"""Relative standard deviation of a density: some thousand averages."""

_POINTS = 60
"""Of a record, evenly spread: neighbours say the same."""


@dataclass(frozen=True, eq=False)
class CircuitRecord:
    """One measurement: `values` with independent errors `sd`, and `predict`, the same by a circuit's equations."""

    analysis: str
    values: Float[np.ndarray, " k"]
    sd: Float[np.ndarray, " k"]
    predict: Callable[[LinearCircuit], Float[np.ndarray, " k"]]
    number: int = 0
    """Among the records of one fit."""
    circuit: Observed | None = None
    """The circuit as it is."""
    outputs: tuple[int, ...] = ()
    """Nothing of a bench stands between them and the numbers."""

    @property
    def file(self) -> str:
        """What to call it."""
        return f"{self.analysis} {self.number}"

    @property
    def kind(self) -> str:
        """What was measured."""
        return self.analysis

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return len(self.values)

    def signal(self) -> float:
        """Sum of the squares of its numbers by their standard deviations."""
        return float(np.sum((self.values / self.sd) ** 2))

    def predicted(self, equations: Equations, delay: float) -> Inexact[np.ndarray, " k"]:
        """What the equations say."""
        return self.predict(equations.circuit)

    def residual(self, predicted: Inexact[np.ndarray, " k"], readout: Readout) -> Float[np.ndarray, " values"]:
        """Record less model, in standard deviations."""
        return np.asarray((self.values - predicted.real) / self.sd)

    def weighed(self, predicted: Inexact[np.ndarray, " k"], readout: Readout) -> "CircuitRecord":
        """The same: its errors are stated."""
        return self

    def with_errors(self, rng: np.random.Generator) -> "CircuitRecord":
        """The record as an instrument would read it."""
        return replace(self, values=self.values + self.sd * rng.standard_normal(len(self.values)))


def circuit_record(
    data: xr.Dataset, source: str | None = None, readout: float = READOUT, spectral: float = SPECTRAL
) -> CircuitRecord:
    """A measurement of `simulate_circuit` with its errors; densities enter by their logarithm.

    Args:
        data: the measurement.
        source: of a response.
        readout: standard deviation of a voltage, as a part of the largest.
        spectral: relative one of a density.

    Raises:
        ValueError: a measurement without anything to compare.
    """
    match data.attrs["analysis"]:
        case "op":
            return _with_readout("op", data["v"].values.astype(float), readout, lambda c: c.settled)
        case "tran":
            return _tran(data, readout)
        case "ac":
            return _ac(data, source, readout)
        case _:
            return _noise(data, spectral)


def _with_readout(
    analysis: str,
    values: Float[np.ndarray, " k"],
    readout: float,
    predict: Callable[[LinearCircuit], Float[np.ndarray, " k"]],
) -> CircuitRecord:
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0:
        raise ValueError(f"analysis {analysis}: every value is zero, so that it tells nothing of the elements")
    return CircuitRecord(analysis, values, np.full(len(values), readout * largest), predict)


def _rows(count: int) -> list[int]:
    return sorted({round(k) for k in np.linspace(0, count - 1, _POINTS)})


def _tran(data: xr.Dataset, readout: float) -> CircuitRecord:
    everything = data["time"].values
    at = np.searchsorted(everything, np.linspace(0.0, everything[-1], _POINTS))
    rows = sorted(set(at.tolist()))
    times = everything[rows]
    v = data["v"].values[rows]
    return _with_readout("tran", v.ravel(), readout, lambda c: CircuitProcess.of(c.network).mean_at(times).ravel())


def _ac(data: xr.Dataset, source: str | None, readout: float) -> CircuitRecord:
    rows = _rows(len(data["frequency"]))
    f = data["frequency"].values[rows]
    response = (data["v_re"].values + 1j * data["v_im"].values)[rows]

    def predict(circuit: LinearCircuit) -> Float[np.ndarray, " k"]:
        column = 0 if source is None else circuit.inputs.index(source)
        return _parts(circuit.transfer(f)[:, :, column])

    return _with_readout("ac", _parts(response), readout, predict)


def _parts(values: np.ndarray) -> Float[np.ndarray, " k"]:
    return np.concatenate([values.real.ravel(), values.imag.ravel()])


def _noise(data: xr.Dataset, spectral: float) -> CircuitRecord:
    rows = _rows(len(data["frequency"]))
    f = data["frequency"].values[rows]
    psd = data["psd"].values[rows]
    heard = (psd > 0).all(axis=0)
    if not heard.any():
        raise ValueError("analysis noise: every density is zero, so that it tells nothing of the elements")
    values = np.log(psd[:, heard]).ravel()
    return CircuitRecord("noise", values, np.full(len(values), spectral), lambda c: np.log(c.psd(f)[:, heard]).ravel())
