"""Measured runs as the fit sees them: residuals and their derivatives, in units of the readout's noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from ..circuits import Instance, Level, Program, Scaling
from ._calibrate_parameters import Parameters
from ._calibrate_record import innovations
from ._calibrate_sensitivity import Sensitivity
from ._calibrate_spectra import covariance, densities, response
from ._measurement import Measurement, MeasurementError
from ._response import Response

FLOOR = 1e-5
"""Part of the converters' full scale that stands for a simulator's own error where no readout noise is stated."""

_POINTS = 200
"""A waveform without readout noise is thinned to this many points: its errors are not independent anyway."""

_FREQUENCIES = 60
"""The same for spectra."""

_SAMPLES = 300
"""Samples of a noisy transient that are used."""

RESPONSE_ERROR: Mapping[Level, float] = MappingProxyType({"ideal": 1e-4, "macro": 1e-4, "transistor": 1e-2})
"""Relative error of a simulator's response, which has no scatter of its own, and of what the model leaves out of it."""

NOISE_ERROR: Mapping[Level, float] = MappingProxyType({"ideal": 1e-4, "macro": 1e-4, "transistor": 1e-2})
"""The same of densities."""

TRANSISTOR_BAND = 0.3
"""Part of the unity frequency up to which the macro-model stands for a circuit of transistors: near and beyond it their
further poles show, and the noise of their second stage, which no loop gain divides any more."""

_DEPTH = 1e-3
"""Responses below this part of the largest one are nulls: their error is not relative to themselves."""

_JITTER = 1e-9
"""Part of the full scale that stands for the readout noise of a noisy record without any."""


@dataclass(frozen=True, eq=False)
class Part:
    """What one run says at one z: Gauss-Newton terms without the prior, `cost` = -2 log-likelihood."""

    cost: float
    gradient: Float[np.ndarray, " p"]
    information: Float[np.ndarray, "p p"]
    rms: float
    """Of the residuals in units of their standard deviation."""

    @classmethod
    def of(cls, residual: Float[np.ndarray, " values"], jacobian: Float[np.ndarray, "values p"]) -> "Part":
        """Of standardised residuals `(measured - model)/sigma` and the model's derivatives by sigma."""
        rms = float(np.sqrt(np.mean(residual**2)))
        return cls(float(residual @ residual), jacobian.T @ residual, jacobian.T @ jacobian, rms)


@runtime_checkable
class Term(Protocol):
    """One measurement in the likelihood."""

    @property
    def name(self) -> str:
        """Digest of the measurement."""
        ...

    @property
    def kind(self) -> str:
        """Runs of one kind share what the model leaves unexplained."""
        ...

    @property
    def values(self) -> int:
        """How many numbers it has."""
        ...

    @property
    def relative_sigma(self) -> float:
        """Standard deviation of a value by the rms of the values."""
        ...

    def clipped(self, chip: Instance, parameters: Parameters) -> tuple[str, ...]:
        """Amplifiers that the nominal chip drives beyond their rails or slew rate in this run."""
        ...

    def evaluate(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Part:
        """At one z."""
        ...


def term_of(data: Measurement) -> Term:
    """The term of a measurement by its analysis."""
    if data.noisy:
        return Record.of(data)
    match data.analysis:
        case "ac":
            return Ac.of(data)
        case "noise":
            return Noise.of(data)
        case _:
            return Run.of(data)


@dataclass(frozen=True, eq=False)
class Run:
    """One operating point or transient [V]; `times` [s] is None for an operating point."""

    name: str
    kind: str
    program: Program
    scaling: Scaling
    times: Float[np.ndarray, " times"] | None
    v: Float[np.ndarray, "times n"]
    v0: Float[np.ndarray, " n"]
    sigma: float
    """Standard deviation of one value [V]."""

    @classmethod
    def of(cls, data: Measurement) -> "Run":
        times = data.values["time"] if data.analysis == "tran" else None
        v = np.atleast_2d(data.values["v"])
        if times is not None and data.readout_sigma == 0 and len(times) > _POINTS:
            keep = np.unique(np.linspace(0, len(times) - 1, _POINTS).astype(int))
            times, v = times[keep], v[keep]
        sigma = data.readout_sigma or FLOOR * data.design.converters.full_scale
        v0 = data.values.get("v0", np.zeros(data.n))
        kind = "readouts" if data.readout_sigma else "waveforms"
        return cls(data.digest, kind, data.program, data.scaling, times, v, v0, sigma)

    @property
    def values(self) -> int:
        return self.v.size

    @property
    def relative_sigma(self) -> float:
        return _part(self.sigma, self.v)

    def clipped(self, chip: Instance, parameters: Parameters) -> tuple[str, ...]:
        response = _nominal(self, chip, parameters)
        beyond = () if self.times is None else response.exceeded(self.times, self.v0)
        return (*response.clipped, *beyond)

    def evaluate(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Part:
        circuit = Sensitivity.of(parameters.dual_network(z, self.program, self.scaling))
        if self.times is None:
            v = (circuit.M @ circuit.settled + circuit.y)[None]
            jacobian = circuit.settled_jacobian(parameters.size)[None]
        else:
            v, jacobian = circuit.transient(self.times, self.v0, parameters.size)
        return Part.of((self.v - v).ravel() / self.sigma, jacobian.reshape(v.size, -1) / self.sigma)


@dataclass(frozen=True, eq=False)
class Record:
    """A noisy transient [V] from known voltages, by its exact transition density."""

    name: str
    program: Program
    scaling: Scaling
    times: Float[np.ndarray, " times"]
    v: Float[np.ndarray, "times n"]
    v0: Float[np.ndarray, " n"]
    sigma: float
    hold: float | None
    kind: str = "noisy records"

    @classmethod
    def of(cls, data: Measurement) -> "Record":
        times = data.values["time"]
        # Equal steps stay equal, so that the filter settles.
        keep = np.arange(len(times))[:: max(1, len(times) // _SAMPLES)]
        keep = keep[times[keep] > 0]
        sigma = data.readout_sigma or _JITTER * data.design.converters.full_scale
        v, v0 = data.values["v"][keep], data.values["v0"]
        return cls(data.digest, data.program, data.scaling, times[keep], v, v0, sigma, data.noise_step)

    @property
    def values(self) -> int:
        return self.v.size

    @property
    def relative_sigma(self) -> float:
        return 1.0

    def clipped(self, chip: Instance, parameters: Parameters) -> tuple[str, ...]:
        response = _nominal(self, chip, parameters)
        return (*response.clipped, *response.exceeded(self.times, self.v0))

    def evaluate(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Part:
        circuit = _noisy(parameters, z, self.program, self.scaling)
        found = innovations(circuit, self.times, self.v, self.v0, self.sigma, self.hold, parameters.size)
        square = float(np.sum(found.u**2))
        rms = float(np.sqrt(square / self.values))
        return Part(square + 2 * found.log_scale, found.gradient, found.information, rms)


@dataclass(frozen=True, eq=False)
class Ac:
    """A response over frequency [V]: real and imaginary parts."""

    name: str
    program: Program
    scaling: Scaling
    frequencies: Float[np.ndarray, " f"]
    v: Float[np.ndarray, "parts f n"]
    sigma: Float[np.ndarray, "f n"]
    kind: str = "responses"

    @classmethod
    def of(cls, data: Measurement) -> "Ac":
        keep = _thinned(data)
        v = np.stack([data.values["v_re"][keep], data.values["v_im"][keep]])
        size = np.hypot(*v)
        # A drive of zero has a response of zero, known as well as any voltage.
        least = FLOOR * data.design.converters.full_scale
        sigma = (data.relative_sigma or RESPONSE_ERROR[data.level]) * np.maximum(
            size, max(_DEPTH * float(size.max()), least)
        )
        return cls(data.digest, data.program, data.scaling, data.values["frequency"][keep], v, sigma)

    @property
    def values(self) -> int:
        return self.v.size

    @property
    def relative_sigma(self) -> float:
        return _part(float(np.sqrt(np.mean(self.sigma**2))), self.v)

    def clipped(self, chip: Instance, parameters: Parameters) -> tuple[str, ...]:
        return ()

    def evaluate(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Part:
        circuit = Sensitivity.of(parameters.dual_network(z, self.program, self.scaling))
        H, slope = response(circuit, self.frequencies, parameters.size)
        residual = (self.v - np.stack([H.real, H.imag])) / self.sigma
        jacobian = np.stack([slope.real, slope.imag]) / self.sigma[:, :, None]
        return Part.of(residual.ravel(), jacobian.reshape(residual.size, -1))


@dataclass(frozen=True, eq=False)
class Noise:
    """Logarithms of noise densities, and the covariance where there is one, both relative."""

    name: str
    program: Program
    scaling: Scaling
    frequencies: Float[np.ndarray, " f"]
    log_psd: Float[np.ndarray, "f n"]
    covariance: Float[np.ndarray, "n n"] | None
    sigma: float
    """Relative standard deviation of one density."""
    kind: str = "noise"

    @classmethod
    def of(cls, data: Measurement) -> "Noise":
        keep = _thinned(data)
        if not (data.values["psd"] > 0).all():
            raise MeasurementError(f"calibrate: psd: expected densities above zero, got {data.values['psd'].min():.3g}")
        log_psd = np.log(data.values["psd"][keep])
        sigma = data.relative_sigma or NOISE_ERROR[data.level]
        # Flicker noise has no variance but that of a band.
        found = data.values.get("covariance") if data.level != "transistor" else None
        return cls(data.digest, data.program, data.scaling, data.values["frequency"][keep], log_psd, found, sigma)

    @property
    def values(self) -> int:
        n = self.log_psd.shape[1]
        return self.log_psd.size + (n * (n + 1) // 2 if self.covariance is not None else 0)

    @property
    def relative_sigma(self) -> float:
        return self.sigma

    def clipped(self, chip: Instance, parameters: Parameters) -> tuple[str, ...]:
        return ()

    def evaluate(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Part:
        circuit = _noisy(parameters, z, self.program, self.scaling)
        psd, slope = densities(circuit, self.frequencies, parameters.size)
        residual = [(self.log_psd - np.log(psd)).ravel() / self.sigma]
        jacobian = [(slope / psd[:, :, None]).reshape(psd.size, -1) / self.sigma]
        if self.covariance is not None:
            model, change = covariance(circuit, parameters.size)
            i, j = np.tril_indices(len(model))
            scale = self.sigma * np.sqrt(np.diag(self.covariance)[i] * np.diag(self.covariance)[j])
            residual.append((self.covariance - model)[i, j] / scale)
            jacobian.append(change[i, j] / scale[:, None])
        return Part.of(np.concatenate(residual), np.concatenate(jacobian))


@dataclass(frozen=True, eq=False)
class Normal:
    """Normal equations of some runs at one z, the prior included, and each run's rms residual."""

    cost: float
    gradient: Float[np.ndarray, " p"]
    curvature: Float[np.ndarray, "p p"]
    rms: Float[np.ndarray, " runs"]

    @classmethod
    def of(
        cls,
        runs: Sequence[Term],
        used: Sequence[bool],
        parameters: Parameters,
        z: Float[np.ndarray, " p"],
        excess: Mapping[str, float] = MappingProxyType({}),
    ) -> "Normal":
        """Runs that are not used only give their rms. Residuals of a kind count by its excess (one unless given)."""
        cost, gradient, curvature = float(z @ z), -z, np.eye(parameters.size)
        rms = np.zeros(len(runs))
        for k, run in enumerate(runs):
            part = run.evaluate(parameters, z)
            rms[k] = part.rms
            if used[k]:
                weight = excess.get(run.kind, 1.0) ** -2
                cost += weight * part.cost
                gradient = gradient + weight * part.gradient
                curvature = curvature + weight * part.information
        return cls(cost, gradient, curvature, rms)


def _noisy(parameters: Parameters, z: Float[np.ndarray, " p"], program: Program, scaling: Scaling) -> Sensitivity:
    k = parameters.shared["noise_scale"]
    circuit = Sensitivity.of(parameters.dual_network(z, program, scaling))
    if (flicker := parameters.corner(z)) is not None and circuit.coloured.any():
        mine = parameters.shared.get("noise_corner")
        circuit = circuit.with_flicker(*flicker, mine, 0.0 if mine is None else float(parameters.sigma[mine]))
    return circuit.with_noise_scale(parameters.factor("noise_scale", z), k, float(parameters.sigma[k]))


def _nominal(run: Run | Record, chip: Instance, parameters: Parameters) -> Response:
    return Response.of(chip, run.program, parameters.level, run.scaling, allow_clipping=True)


def _thinned(data: Measurement) -> Int[np.ndarray, " k"]:
    frequencies, amplifier = data.values["frequency"], data.design.amplifier
    count = len(frequencies)
    if data.level == "transistor" and amplifier is not None:
        count = max(1, int(np.searchsorted(frequencies, TRANSISTOR_BAND * amplifier.gain_bandwidth)))
    return np.unique(np.linspace(0, count - 1, min(count, _FREQUENCIES)).astype(int))


def _part(sigma: float, values: np.ndarray) -> float:
    signal = float(np.sqrt(np.mean(values**2)))
    return sigma / signal if signal > 0 else np.inf
