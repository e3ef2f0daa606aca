"""What every measurement is to the fit: a term of one likelihood."""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import scipy
from jaxtyping import Float

from ...circuits import Instance, Level, Program, Scaling
from ...circuits.loaded_chips import amplifier_nodes, amplifiers_of
from .derivatives import Information, Sensitivity, Settled, with_flicker
from .unknowns import Loaded, Parameters


def coherent(error: float, values: int, level: Level) -> float:
    """Standard deviation for each of so many values whose errors are of this size, and may all be alike.

    A simulator's own error has a size and no law: a record without a stated error counts as one value of that size,
    or its values would average away what they have in common. What a macro-model leaves out of transistors differs
    from value to value.
    """
    return error if level == "transistor" else error * float(np.sqrt(values))


@dataclass(frozen=True, eq=False)
class Slope:
    """What one run says at one z without second derivatives: `cost` = -2 log-likelihood, and half its descent."""

    cost: float
    gradient: Float[np.ndarray, " p"]
    rms: float
    """Of the residuals in units of their standard deviation."""


@dataclass(frozen=True, eq=False)
class Part:
    """What one run says at one z: Gauss-Newton terms without the prior, `cost` = -2 log-likelihood.

    The information is `root^T root` of fewer rows than unknowns where residuals are all that a run says; a noisy
    record, whose law itself changes with z, gives it as it is.
    """

    cost: float
    gradient: Float[np.ndarray, " p"]
    rms: float
    """Of the residuals in units of their standard deviation."""
    root: Float[np.ndarray, "rows p"] | None = None
    residual: Float[np.ndarray, " rows"] | None = None
    """What the residuals have of the rows of `root`."""
    fisher: Float[np.ndarray, "p p"] | None = None
    shape: float = 0.0
    """Sum of the squares of what the residuals have of the model's own shapes in time."""
    shapes: int = 0
    """How many numbers that is of; zero where a measurement has no such shapes."""

    @classmethod
    def of(cls, residual: Float[np.ndarray, " values"], jacobian: Float[np.ndarray, "values p"]) -> "Part":
        """Of standardised residuals `(measured - model)/sigma` and the model's derivatives by sigma."""
        rms = float(np.sqrt(np.mean(residual**2)))
        return cls(float(residual @ residual), jacobian.T @ residual, rms, jacobian, residual)

    @property
    def slope(self) -> Slope:
        """Without the information."""
        return Slope(self.cost, self.gradient, self.rms)

    @property
    def information(self) -> Float[np.ndarray, "p p"]:
        """Of the unknowns."""
        return np.asarray(self.fisher if self.root is None else self.root.T @ self.root)

    def information_from(self, first: int) -> Float[np.ndarray, "k p"]:
        """The information's rows of the unknowns from the first one on."""
        return np.asarray(self.information[first:] if self.root is None else self.root[:, first:].T @ self.root)

    def add_to(self, total: Information, weight: float = 1.0) -> None:
        """Add the information of the unknowns, as many of the first ones as the sum has."""
        if self.root is not None:
            total.add(self.root, weight)
        else:
            total.add_whole(self.information, weight)

    def hat(self, C: Float[np.ndarray, "q q"]) -> "Hat":
        """The run's block of the hat matrix, for the first q unknowns of posterior covariance C."""
        q = len(C)
        if self.root is None:
            return Hat.of(C @ self.information[:q, :q])
        rows = self.root[:, :q]
        return Hat.of(rows @ C @ rows.T if len(rows) < q else C @ (rows.T @ rows))

    def explained(self, C: Float[np.ndarray, "p p"]) -> float:
        """What unknowns of covariance C take of the residuals' sum of squares: `g^T (C^-1 + information)^-1 g`."""
        if self.root is None or self.residual is None or len(self.root) >= len(C):
            return float(self.gradient @ np.linalg.solve(np.linalg.inv(C) + self.information, self.gradient))
        K = self.root @ C @ self.root.T
        return float(self.residual @ (K @ np.linalg.solve(np.eye(len(K)) + K, self.residual)))


@dataclass(frozen=True, slots=True)
class Hat:
    """Traces of a block of a hat matrix, and of its square."""

    once: float
    twice: float

    @classmethod
    def of(cls, block: Float[np.ndarray, "k k"]) -> "Hat":
        return cls(float(np.trace(block)), float(np.sum(block * block.T)))


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
    def program(self) -> Program:
        """What was loaded."""
        ...

    @property
    def scaling(self) -> Scaling:
        """How."""
        ...

    @property
    def stated(self) -> bool:
        """Whether its errors are those that the measurement states; else they stand for the simulator's own, which has
        a size and no law."""
        ...

    @property
    def signal(self) -> float:
        """Sum of the squares of its numbers by their standard deviations: what an error relative to them counts by."""
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

    def slope(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Slope:
        """The same without the information, which may be far cheaper."""
        ...


def quiet_circuit(parameters: Parameters, z: Float[np.ndarray, " p"], run: Loaded) -> Sensitivity:
    """The circuit of a run at one z, as its readouts see it, without noise."""
    circuit = Sensitivity.of(*parameters.dual_circuit(z, run.program, run.scaling))
    return _read(circuit, parameters, z, run)


def noisy_circuit(parameters: Parameters, z: Float[np.ndarray, " p"], run: Loaded) -> Sensitivity:
    """The circuit of a run at one z, as its readouts see it, with all its noise."""
    k = parameters.shared["noise_scale"]
    circuit = Sensitivity.of(*parameters.dual_circuit(z, run.program, run.scaling), noisy=True)
    if (flicker := parameters.corner(z)) is not None and circuit.coloured.any():
        mine = parameters.shared.get("noise_corner")
        circuit = with_flicker(circuit, *flicker, mine, 0.0 if mine is None else float(parameters.sigma[mine]))
    circuit = circuit.with_noise_scale(parameters.factor("noise_scale", z), k, float(parameters.sigma[k]))
    return _read(circuit, parameters, z, run)


def settled_readouts(parameters: Parameters, z: Float[np.ndarray, " p"], run: Loaded) -> Settled:
    """The readouts of a run's settled circuit at one z, with their derivatives."""
    found = Settled.of(*parameters.dual_circuit(z, run.program, run.scaling), parameters.size)
    return found.read(*parameters.bench.readout(z, run.name, len(found.v)))


def clipped_at_rest(parameters: Parameters, run: Loaded) -> tuple[str, ...]:
    """Amplifiers whose settled output lies beyond the rails in the linear circuit of the nominal chip."""
    network, array = parameters.dual_circuit(np.zeros(parameters.size), run.program, run.scaling)
    amplifiers = amplifiers_of(network)
    if not amplifiers:
        return ()
    inside = replace(network, outputs=amplifier_nodes(amplifiers)[: len(amplifiers)])
    v = Settled.of(inside, array, parameters.size).v
    rails = [(float(amp.model.rail_low), float(amp.model.rail_high)) for amp in amplifiers if amp.model is not None]
    beyond = [not low <= value <= high for value, (low, high) in zip(v.tolist(), rails, strict=True)]
    return tuple(amp.name for amp, hit in zip(amplifiers, beyond, strict=True) if hit)


def _read(circuit: Sensitivity, parameters: Parameters, z: Float[np.ndarray, " p"], run: Loaded) -> Sensitivity:
    gain, offset, unknown = parameters.bench.readout(z, run.name, len(circuit.M))
    return circuit.read(gain, offset, unknown) if unknown else circuit


def part_of(sigma: float, values: np.ndarray) -> float:
    """A standard deviation by the rms of the values; infinite where they are all zero."""
    signal = float(np.sqrt(np.mean(values**2)))
    return sigma / signal if signal > 0 else np.inf


def tail(square: float, degrees: float, allowed: float) -> float:
    """Of the chi-square law, not central where something is allowed."""
    if allowed == 0:
        return float(scipy.stats.chi2.sf(square, degrees))
    # Patnaik's central approximation, right in mean and variance (Biometrika 36, 1949): the exact one underflows.
    scale = (degrees + 2 * allowed) / (degrees + allowed)
    return float(scipy.stats.chi2.sf(square / scale, (degrees + allowed) / scale))
