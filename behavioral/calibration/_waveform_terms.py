"""Measured runs as the fit sees them: residuals and their derivatives, in units of the readout's noise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from ...circuits import Instance, Program, Scaling
from ...measurements import FLOOR, MANY_TIMES, Measurement, averaged
from ..devices import Response
from ._spectral_terms import Ac, Noise, SecondMoments
from ._terms import (
    Part,
    Slope,
    Term,
    clipped_at_rest,
    coherent,
    noisy_circuit,
    part_of,
    quiet_circuit,
    settled_readouts,
)
from .derivatives import (
    Delay,
    Information,
    equal_steps,
    innovations,
    pulled,
    told_shapes,
    trajectory,
    transient,
)
from .unknowns import Parameters

_POINTS = 200
"""A waveform without readout noise is thinned to this many points: its errors are not independent anyway."""

_VALUES = 40_000
"""Values of all cells of a noisy transient that are used: its filter settles, and they take some seconds."""

_UNEQUAL = 4_000
"""The same of one in steps of many lengths, of which each takes a transition and a gain of its own."""

_FEW_LENGTHS = 16

_JITTER = 1e-9
"""Part of the full scale that stands for the readout noise of a noisy record without any."""


def term_of(data: Measurement) -> Term:
    """The term of a measurement by its analysis."""
    if data.noisy:
        return Record.of(data)
    match data.analysis:
        case "ac":
            return Ac.of(data)
        case "noise":
            return Noise.of(data)
        case "cross" | "covariance":
            return SecondMoments.of(data)
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
    """Standard deviation of one value [V], in the root mean square of all weights."""
    weights: Float[np.ndarray, " times"] | None = None
    """Of the values of each time, where some are means of more readings than others."""

    @classmethod
    def of(cls, data: Measurement) -> "Run":
        times = data.values["time"] if data.analysis == "tran" else None
        v = np.atleast_2d(data.values["v"])
        if times is not None and data.readout_sigma == 0 and len(times) > _POINTS:
            keep = np.unique(np.linspace(0, len(times) - 1, _POINTS).astype(int))
            times, v = times[keep], v[keep]
        sigma = data.readout_sigma or coherent(FLOOR * data.design.converters.full_scale, v.size, data.level)
        v0 = data.values.get("v0", np.zeros(data.n))
        kind = "readouts" if data.readout_sigma else "waveforms"
        run = cls(data.digest, kind, data.program, data.scaling, times, v, v0, sigma)
        return run if times is None or len(times) <= MANY_TIMES else run._averaged(times, _ringing(data))

    def _averaged(self, times: Float[np.ndarray, " times"], ringing: float) -> "Run":
        times, v, count = averaged(times, self.v, ringing)
        typical = float(np.sqrt(np.mean(count)))
        return replace(self, times=times, v=v, sigma=self.sigma / typical, weights=np.sqrt(count) / typical)

    @property
    def values(self) -> int:
        return self.v.size

    @property
    def stated(self) -> bool:
        return self.kind == "readouts"

    @property
    def signal(self) -> float:
        return float(np.sum(self._weighted(self.v) ** 2)) / self.sigma**2

    @property
    def relative_sigma(self) -> float:
        return part_of(self.sigma, self.v)

    def clipped(self, chip: Instance, parameters: Parameters) -> tuple[str, ...]:
        if self.times is None:
            return clipped_at_rest(parameters, self)
        response = _nominal(self, chip, parameters)
        return (*response.clipped, *response.exceeded(self.times, self.v0))

    def evaluate(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Part:
        if self.times is None:
            settled = settled_readouts(parameters, z, self)
            return Part.of((self.v[0] - settled.v) / self.sigma, settled.jacobian / self.sigma)
        circuit = quiet_circuit(parameters, z, self)
        bench = parameters.bench
        # A chip that has not been started yet is at its start.
        since = np.maximum(self.times - bench.time_zero(z), 0.0)
        model = transient(circuit, since, self.v0, parameters.size, self.weights)
        if bench.delay is not None:
            late = -bench.delay_spread * model.slope * (since > 0)[:, None]
            model = model.with_change(bench.delay, self._weighted(late))
        residual = self._weighted(self.v - model.v) / self.sigma
        # The basis is orthonormal: products of the derivatives are those of their coefficients.
        coefficients = model.coefficients / self.sigma
        shapes = (model.basis.T @ residual).T
        gradient = shapes.ravel() @ coefficients.reshape(-1, parameters.size)
        seen = told_shapes(coefficients)
        root = np.matmul(seen.T, coefficients).reshape(-1, parameters.size)
        rms = float(np.sqrt(np.mean(residual**2)))
        cost, shape = float(np.sum(residual**2)), float(np.sum(shapes**2))
        return Part(cost, gradient, rms, root, (shapes @ seen).ravel(), shape=shape, shapes=shapes.size)

    def slope(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Slope:
        if self.times is None:
            return self.evaluate(parameters, z).slope
        circuit, bench = quiet_circuit(parameters, z, self), parameters.bench
        since = np.maximum(self.times - bench.time_zero(z), 0.0)
        v, slope = trajectory(circuit, since, self.v0)
        residual = self._weighted(self.v - v) / self.sigma
        pull = self._weighted(residual) / self.sigma
        gradient = pulled(circuit, since, self.v0, parameters.size, pull)
        if bench.delay is not None:
            late = -bench.delay_spread * slope * (since > 0)[:, None]
            gradient[bench.delay] += float(np.sum(pull * late))
        return Slope(float(np.sum(residual**2)), gradient, float(np.sqrt(np.mean(residual**2))))

    def _weighted(self, values: Float[np.ndarray, "times n"]) -> Float[np.ndarray, "times n"]:
        return values if self.weights is None else values * self.weights[:, None]


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
    recorded: int
    """Samples of the whole record; where there are more than are used, every second, third ... one is."""
    kind: str = "noisy records"

    @classmethod
    def of(cls, data: Measurement) -> "Record":
        times = data.values["time"]
        # Equal steps stay equal, so that the filter settles.
        values = _VALUES if len(set(equal_steps(times))) <= _FEW_LENGTHS else _UNEQUAL
        keep = np.arange(len(times))[:: -(-len(times) * data.n // values)]
        keep = keep[times[keep] > 0]
        sigma = data.readout_sigma or _JITTER * data.design.converters.full_scale
        v, v0 = data.values["v"][keep], data.values["v0"]
        return cls(data.digest, data.program, data.scaling, times[keep], v, v0, sigma, data.noise_step, len(times))

    @property
    def values(self) -> int:
        return self.v.size

    @property
    def stated(self) -> bool:
        # The law of a noisy record is the chip's own, whatever its readout adds.
        return True

    @property
    def signal(self) -> float:
        return float(self.values)

    @property
    def relative_sigma(self) -> float:
        return 1.0

    def clipped(self, chip: Instance, parameters: Parameters) -> tuple[str, ...]:
        response = _nominal(self, chip, parameters)
        return (*response.clipped, *response.exceeded(self.times, self.v0))

    def evaluate(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Part:
        circuit, bench = noisy_circuit(parameters, z, self), parameters.bench
        late = Delay(bench.delay, bench.time_zero(z), bench.delay_spread) if bench.delay is not None else None
        found = innovations(circuit, self.times, self.v, self.v0, self.sigma, self.hold, parameters.size, late)
        square = float(np.sum(found.u**2))
        rms = float(np.sqrt(square / self.values))
        return Part(square + 2 * found.log_scale, found.gradient, rms, fisher=found.information)

    def slope(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Slope:
        return self.evaluate(parameters, z).slope


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
        curvature = Information(np.diag(parameters.precision))

        def asked(run: Term, use: bool, weight: float) -> Slope:
            part = run.evaluate(parameters, z)
            if use:
                part.add_to(curvature, weight)
            return part.slope

        return cls._summed(runs, used, parameters, z, excess, asked, lambda: curvature.matrix)

    def moved(
        self,
        runs: Sequence[Term],
        used: Sequence[bool],
        parameters: Parameters,
        z: Float[np.ndarray, " p"],
        excess: Mapping[str, float],
    ) -> "Normal":
        """At another z, with the curvature of this one."""

        def asked(run: Term, use: bool, weight: float) -> Slope:
            return run.slope(parameters, z)

        return Normal._summed(runs, used, parameters, z, excess, asked, lambda: self.curvature)

    def with_prior(
        self, before: Float[np.ndarray, " p"], after: Float[np.ndarray, " p"], z: Float[np.ndarray, " p"]
    ) -> "Normal":
        """At the same z with other precisions a priori."""
        change = after - before
        curvature = self.curvature + np.diag(change)
        return Normal(self.cost + float(change @ z**2), self.gradient - change * z, curvature, self.rms)

    @classmethod
    def _summed(
        cls,
        runs: Sequence[Term],
        used: Sequence[bool],
        parameters: Parameters,
        z: Float[np.ndarray, " p"],
        excess: Mapping[str, float],
        asked: Callable[[Term, bool, float], Slope],
        curvature: Callable[[], Float[np.ndarray, "p p"]],
    ) -> "Normal":
        prior = parameters.precision
        cost, gradient, rms = float(prior @ z**2), -prior * z, np.zeros(len(runs))
        for k, run in enumerate(runs):
            weight = excess.get(run.kind, 1.0) ** -2
            slope = asked(run, used[k], weight)
            rms[k] = slope.rms
            if used[k]:
                cost += weight * slope.cost
                gradient = gradient + weight * slope.gradient
        return cls(cost, gradient, curvature(), rms)


def _ringing(data: Measurement) -> float:
    """Largest ratio of a pole to its real part, of the chip without deviations: 1 where nothing rings."""
    chip = data.design.nominal(data.topology)
    level = "macro" if data.level == "transistor" else data.level
    poles = np.linalg.eigvals(Response.of(chip, data.program, level, data.scaling, allow_clipping=True).space.F)
    return float(np.max(np.abs(poles) / np.abs(poles.real)))


def _nominal(run: Run | Record, chip: Instance, parameters: Parameters) -> Response:
    return Response.of(chip, run.program, parameters.level, run.scaling, allow_clipping=True)
