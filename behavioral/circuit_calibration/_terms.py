"""Records of a bench as residuals: what a circuit's equations say, read as the bench reads it, by the noise."""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import scipy
from jaxtyping import Complex, Float, Inexact

from ...circuits.linear_circuits import LinearCircuit, Observed
from ...measurements import MeasurementError
from ...measurements.lab import CircuitMeasurement
from ...measurements.layout import MomentPart, Moments
from ._equations import Equations
from ._readout import Readout

MOST_ROWS = 400
"""Of a record; more are thinned evenly: neighbours say the same, and the fit would wait for them."""

_DEPTH = 1e-3
"""Responses below this part of the largest one are nulls: their error is not relative to themselves."""

_JUMP = 1e-3
"""Part of the final outputs by which the first value may be off before it is a jump."""


@runtime_checkable
class Term(Protocol):
    """One record in the likelihood."""

    @property
    def file(self) -> str:
        """Its name."""
        ...

    @property
    def kind(self) -> str:
        """What was measured."""
        ...

    @property
    def circuit(self) -> Observed | None:
        """The circuit as it was driven for this record; None for the circuit as it is."""
        ...

    @property
    def outputs(self) -> tuple[int, ...]:
        """Which outputs it shows."""
        ...

    @property
    def size(self) -> int:
        """How many numbers it has."""
        ...

    def signal(self) -> float:
        """Sum of the squares of its numbers by their standard deviations."""
        ...

    def predicted(self, equations: Equations, delay: float) -> Inexact[np.ndarray, "..."]:
        """What the equations say."""
        ...

    def residual(self, predicted: Inexact[np.ndarray, "..."], readout: Readout) -> Float[np.ndarray, " values"]:
        """What was read less what the readout makes of a prediction, in standard deviations."""
        ...

    def weighed(self, predicted: Inexact[np.ndarray, "..."], readout: Readout) -> "Term":
        """The same with the scatter that spectra have by this prediction, where its size goes with theirs."""
        ...


@dataclass(frozen=True, eq=False)
class Waveform:
    """A transient or an operating point [V]."""

    file: str
    kind: str
    circuit: Observed
    outputs: tuple[int, ...]
    times: Float[np.ndarray, " t"]
    values: Float[np.ndarray, "t k"]
    sigma: Float[np.ndarray, " k"]

    @property
    def size(self) -> int:
        return self.values.size

    def signal(self) -> float:
        return float(np.sum((self.values / self.sigma) ** 2))

    def predicted(self, equations: Equations, delay: float) -> Float[np.ndarray, "t k"]:
        mine = list(self.outputs)
        if self.kind == "op":
            return np.asarray(equations.circuit.settled[None, mine])
        return np.asarray(equations.waveform(self.times - delay)[:, mine])

    def residual(self, predicted: Inexact[np.ndarray, "t k"], readout: Readout) -> Float[np.ndarray, " values"]:
        mine = list(self.outputs)
        seen = readout.gain[mine] * predicted.real + readout.offset[mine]
        if self.kind == "tran":
            angle = 2 * np.pi * readout.mains * self.times[:, None]
            seen = seen + readout.drift[mine] * self.times[:, None] / self.times[-1]
            seen = seen + readout.cosine[mine] * np.cos(angle) + readout.sine[mine] * np.sin(angle)
        return np.asarray(((self.values - seen) / self.sigma).ravel())

    def weighed(self, predicted: Inexact[np.ndarray, "t k"], readout: Readout) -> "Waveform":
        return self


@dataclass(frozen=True, eq=False)
class Transfer:
    """A response for a unit of one source."""

    file: str
    circuit: Observed
    outputs: tuple[int, ...]
    source: str
    frequencies: Float[np.ndarray, " f"]
    values: Complex[np.ndarray, "f k"]
    sigma: Float[np.ndarray, "f k"]
    kind: str = "ac"

    @property
    def size(self) -> int:
        return 2 * self.values.size

    def signal(self) -> float:
        return float(np.sum((np.abs(self.values) / self.sigma) ** 2))

    def predicted(self, equations: Equations, delay: float) -> Complex[np.ndarray, "f k"]:
        H = equations.circuit.transfer(self.frequencies)[:, :, equations.circuit.inputs.index(self.source)]
        return np.asarray(H[:, list(self.outputs)])

    def residual(self, predicted: Inexact[np.ndarray, "f k"], readout: Readout) -> Float[np.ndarray, " values"]:
        off = (self.values - readout.gain[list(self.outputs)] * predicted) / self.sigma
        return np.concatenate([off.real.ravel(), off.imag.ravel()])

    def weighed(self, predicted: Inexact[np.ndarray, "f k"], readout: Readout) -> "Transfer":
        return self


@dataclass(frozen=True, eq=False)
class SecondMoments:
    """Spectra, cross-spectra, or covariances."""

    file: str
    kind: str
    circuit: Observed
    outputs: tuple[int, ...]
    moments: Moments
    relative: float
    roots: tuple[Float[np.ndarray, "k k"], ...] = ()
    """Lower triangular root of each row's covariance."""

    @property
    def size(self) -> int:
        return self.moments.values.size

    def signal(self) -> float:
        return float(np.sum(self._whitened(self.moments.values) ** 2))

    def predicted(self, equations: Equations, delay: float) -> Inexact[np.ndarray, "rows n n"]:
        moments = self.moments
        if moments.frequencies is not None:
            return equations.circuit.cross_spectra(moments.frequencies)
        return np.array([equations.circuit.covariance(band) for band in moments.bands])

    def residual(self, predicted: Inexact[np.ndarray, "rows n n"], readout: Readout) -> Float[np.ndarray, " values"]:
        return self._whitened(self.moments.values - self.moments.picked(_read(predicted, readout)))

    def _whitened(self, off: Float[np.ndarray, "rows k"]) -> Float[np.ndarray, " values"]:
        rows = [scipy.linalg.solve_triangular(root, row, lower=True) for root, row in zip(self.roots, off, strict=True)]
        return np.concatenate(rows)

    def weighed(self, predicted: Inexact[np.ndarray, "rows n n"], readout: Readout) -> "SecondMoments":
        seen = _read(predicted, readout)
        picked = self.moments.picked(seen)
        roots = []
        for row, matrix in enumerate(seen):
            covariance = self.moments.covariance_of(row, matrix, picked[row], self.relative)
            if not (np.diag(covariance) > 0).all():
                raise MeasurementError(
                    f"{self.file}: the netlist has no noise in an output whose noise was measured; it contradicts the"
                    " record, or its noise sources are missing"
                )
            roots.append(np.linalg.cholesky(covariance))
        return replace(self, roots=tuple(roots))


def _read(matrices: Inexact[np.ndarray, "rows n n"], readout: Readout) -> Inexact[np.ndarray, "rows n n"]:
    factor = readout.gain * np.sqrt(readout.noise)
    return np.asarray(matrices * np.outer(factor, factor))


def term_of(record: CircuitMeasurement) -> Term:
    """The term of a record.

    Raises:
        MeasurementError: a transient that begins with a jump which the equations do not have, or readings without
            noise.
    """
    match record.kind:
        case "op" | "tran":
            return _waveform(record)
        case "ac":
            return _transfer(record)
        case _:
            return _moments(record)


def _rows(count: int) -> list[int]:
    return sorted({round(k) for k in np.linspace(0, count - 1, min(count, MOST_ROWS))})


def _waveform(record: CircuitMeasurement) -> Waveform:
    if not (record.readout_sigma > 0).all():
        raise MeasurementError(f"{record.file}: readout_noise: expected above 0, got 0: nothing is read exactly")
    rows = _rows(len(record.values))
    if record.kind == "tran":
        _check_start(record)
    return Waveform(
        record.file,
        record.kind,
        record.circuit,
        record.outputs,
        record.axis[rows] if record.kind == "tran" else record.axis,
        np.asarray(record.values[rows].real, dtype=float),
        record.readout_sigma,
    )


def _check_start(record: CircuitMeasurement) -> None:
    """Raise `MeasurementError` where the outputs jump in a way that the state space does not know.

    By the initial value theorem the outputs just after a step are the response at infinite frequency.
    """
    circuit = LinearCircuit.of(record.circuit.network, record.circuit.labels)
    space = circuit.space
    if (space.start is not None and space.start.any()) or not len(circuit.inputs) or not len(circuit.poles):
        return
    levels = np.array([float(source.dc) for source in circuit.pencil.sources])
    beyond = 1e7 * float(np.abs(circuit.poles).max()) / (2 * np.pi)
    at_once = (circuit.transfer(np.array([beyond]))[0] @ levels).real
    known = space.y_drive + space.y_bias
    scale = max(float(np.abs(circuit.settled).max()), float(np.abs(at_once).max()))
    if np.abs(at_once - known).max() > _JUMP * scale:
        raise MeasurementError(
            f"{record.file}: the circuit's outputs jump when its sources step, through capacitors alone; such a"
            " transient is not fitted: put the source's resistance into the netlist, or give a response instead"
        )


def _transfer(record: CircuitMeasurement) -> Transfer:
    rows = _rows(len(record.values))
    values = record.values[rows].astype(complex)
    size = np.abs(values)
    sigma = record.relative_sigma * np.maximum(size, _DEPTH * float(size.max()))
    if not (sigma > 0).all():
        raise MeasurementError(f"{record.file}: every response is zero, so that it tells nothing of the elements")
    assert record.source is not None
    return Transfer(
        record.file,
        record.circuit,
        record.outputs,
        record.source,
        record.axis[rows],
        values,
        # The error is that of the size; each part has as much by chance.
        sigma,
    )


def _moments(record: CircuitMeasurement) -> SecondMoments:
    moments = record.moments
    if moments is None:
        outputs = np.array(record.outputs)
        nothing = np.full(record.values.shape, np.nan)
        part: tuple[MomentPart, ...] = tuple("re" for _ in outputs)
        moments = Moments(outputs, outputs, part, record.values.real, nothing, record.axis)
    if moments.frequencies is not None:
        rows = _rows(len(moments.frequencies))
        moments = moments.rows(rows)
    return SecondMoments(record.file, record.kind, record.circuit, record.outputs, moments, record.relative_sigma)
