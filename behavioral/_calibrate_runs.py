"""Measured runs as the fit sees them: residuals and their derivatives, in units of the readout's noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..circuits import Instance, Program, Scaling
from ._calibrate_parameters import Parameters
from ._calibrate_sensitivity import Sensitivity
from ._measurement import Measurement
from ._response import Response

FLOOR = 1e-5
"""Part of the converters' full scale that stands for a simulator's own error where no readout noise is stated."""

_POINTS = 200
"""A waveform without readout noise is thinned to this many points: its errors are not independent anyway."""


@dataclass(frozen=True, eq=False)
class Run:
    """One operating point or transient [V]; `times` [s] is None for an operating point."""

    name: str
    program: Program
    scaling: Scaling
    times: Float[np.ndarray, " times"] | None
    v: Float[np.ndarray, "times n"]
    v0: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"]
    """Standard deviation of one value of each cell [V]."""

    @classmethod
    def of(cls, data: Measurement, chip: Instance) -> "Run":
        """The noise of the device itself is added to that of the readout, by the nominal chip."""
        times = data.values["time"] if data.analysis == "tran" else None
        v = np.atleast_2d(data.values["v"])
        if times is not None and data.readout_sigma == 0 and len(times) > _POINTS:
            keep = np.unique(np.linspace(0, len(times) - 1, _POINTS).astype(int))
            times, v = times[keep], v[keep]
        floor = FLOOR * data.design.converters.full_scale
        variance = np.full(data.n, data.readout_sigma**2 or floor**2)
        if data.noisy:
            response = Response.of(chip, data.program, data.level, data.scaling, allow_clipping=True)
            variance = variance + np.diag(response.stationary_covariance())
        v0 = data.values.get("v0", np.zeros(data.n))
        return cls(data.digest, data.program, data.scaling, times, v, v0, np.sqrt(variance))

    def clipped(self, chip: Instance, parameters: Parameters) -> tuple[str, ...]:
        """Amplifiers that the nominal chip drives beyond their rails or slew rate in this run."""
        response = Response.of(chip, self.program, parameters.level, self.scaling, allow_clipping=True)
        beyond = () if self.times is None else response.exceeded(self.times, self.v0)
        return (*response.clipped, *beyond)

    def evaluate(
        self, parameters: Parameters, z: Float[np.ndarray, " p"]
    ) -> tuple[Float[np.ndarray, " values"], Float[np.ndarray, "values p"]]:
        """Standardised residuals `(measured - model)/sigma`, and the model's derivatives by sigma."""
        circuit = Sensitivity.of(parameters.dual_network(z, self.program, self.scaling))
        if self.times is None:
            v = (circuit.M @ circuit.settled + circuit.y)[None]
            jacobian = circuit.settled_jacobian(parameters.size)[None]
        else:
            v, jacobian = circuit.transient(self.times, self.v0, parameters.size)
        scaled = jacobian / self.sigma[:, None]
        return ((self.v - v) / self.sigma).ravel(), scaled.reshape(self.v.size, parameters.size)


@dataclass(frozen=True, eq=False)
class Normal:
    """Normal equations of some runs at one z, the prior included, and each run's rms residual."""

    cost: float
    gradient: Float[np.ndarray, " p"]
    curvature: Float[np.ndarray, "p p"]
    rms: Float[np.ndarray, " runs"]
    values: int

    @classmethod
    def of(
        cls, runs: Sequence[Run], used: Sequence[bool], parameters: Parameters, z: Float[np.ndarray, " p"]
    ) -> "Normal":
        """Runs that are not used only give their rms."""
        cost, gradient, curvature = float(z @ z), -z, np.eye(parameters.size)
        rms, values = np.zeros(len(runs)), 0
        for k, run in enumerate(runs):
            residual, jacobian = run.evaluate(parameters, z)
            rms[k] = np.sqrt(np.mean(residual**2))
            if used[k]:
                cost += float(residual @ residual)
                gradient = gradient + jacobian.T @ residual
                curvature = curvature + jacobian.T @ jacobian
                values += len(residual)
        return cls(cost, gradient, curvature, rms, values)
