"""What every measurement is to the fit: a term of one likelihood."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from ..circuits import Instance, Program, Scaling
from ._calibrate_flicker import with_flicker
from ._calibrate_floor import FLOOR as FLOOR
from ._calibrate_parameters import Parameters
from ._calibrate_sensitivity import Sensitivity


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


def noisy_circuit(
    parameters: Parameters, z: Float[np.ndarray, " p"], program: Program, scaling: Scaling
) -> Sensitivity:
    """The circuit at one z with all its noise."""
    k = parameters.shared["noise_scale"]
    circuit = Sensitivity.of(parameters.dual_network(z, program, scaling), noisy=True)
    if (flicker := parameters.corner(z)) is not None and circuit.coloured.any():
        mine = parameters.shared.get("noise_corner")
        circuit = with_flicker(circuit, *flicker, mine, 0.0 if mine is None else float(parameters.sigma[mine]))
    return circuit.with_noise_scale(parameters.factor("noise_scale", z), k, float(parameters.sigma[k]))


def part_of(sigma: float, values: np.ndarray) -> float:
    """A standard deviation by the rms of the values; infinite where they are all zero."""
    signal = float(np.sqrt(np.mean(values**2)))
    return sigma / signal if signal > 0 else np.inf
