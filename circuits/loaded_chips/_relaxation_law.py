"""What the runs of a device say on average, in closed form: of the chip at hand, or of all that it may be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy
from jaxtyping import Float

from ..chips import Instance
from ..programs import Program, Scaling
from ..state_spaces import StateSpace, state_space
from ..topologies import Level
from ._injected_noise import with_cell_noise

CHIPS = 64
"""Chips that stand for all: a standard deviation from them errs by 1/sqrt(128), 9 %, which costs an interval of 95 %
less than 0.5 % of its coverage."""

_CHIPS_OF_MANY_CELLS = 24
_MANY_CELLS = 16


@dataclass(frozen=True, eq=False)
class RelaxationLaw:
    """Means and covariances of readouts `x = M s + y` of `ds = -F (s - settled) dt + N(0, Q dt)` from a known start.

    Args:
        F, Q: drift [1/s] and diffusion [V^2/s].
        M: readouts in volts of the program's drive.
        settled: readouts of the settled device [V].
        away: states at the start less those of the settled device [V].
        convert: what the digital side reads of a readout.
        initial: states of cells that start at one volt of the program's drive; none for a device that starts from rest.
    """

    F: Float[np.ndarray, "m m"]
    Q: Float[np.ndarray, "m m"]
    M: Float[np.ndarray, "n m"]
    settled: Float[np.ndarray, " n"]
    away: Float[np.ndarray, " m"]
    convert: Callable[[Float[np.ndarray, " n"]], Float[np.ndarray, " n"]] | None = None
    initial: Float[np.ndarray, "m n"] | None = None

    @classmethod
    def of(
        cls,
        space: StateSpace,
        drive: float,
        noise_scale: float = 1.0,
        convert: Callable[[Float[np.ndarray, " n"]], Float[np.ndarray, " n"]] | None = None,
    ) -> "RelaxationLaw":
        """The law of a circuit that starts from rest, its readouts over the drive's scale; 1/f noise aside."""
        Q = noise_scale * space.Q
        away = -space.settled_states
        initial = drive * space.initial
        return cls(space.F, Q, space.M / drive, space.settled / drive, away, convert, initial)

    def started(self, v0: Float[np.ndarray, " n"]) -> "RelaxationLaw":
        """The same with cells that start at v0 [V of the program's drive] instead of at rest."""
        return self if self.initial is None else replace(self, away=self.away + self.initial @ v0)

    def average(self, wait: float, duration: float) -> Float[np.ndarray, " n"]:
        """Mean of an average over `duration` [s] that begins `wait` [s] after the start."""
        left = scipy.linalg.expm(-self.F * wait) @ self.away
        rest = left - scipy.linalg.expm(-self.F * duration) @ left
        x = self.settled + self.M @ np.linalg.solve(self.F, rest) / duration
        return np.asarray(x if self.convert is None else self.convert(x))

    def autocovariance(self, lag: float) -> Float[np.ndarray, "n n"]:
        """`<x(t + lag) x(t)^T>` of the settled device [V^2]."""
        return np.asarray(self.M @ scipy.linalg.expm(-self.F * lag) @ self._P @ self.M.T)

    @cached_property
    def _P(self) -> Float[np.ndarray, "m m"]:
        return np.asarray(scipy.linalg.solve_continuous_lyapunov(self.F, self.Q))


def possible_chips(instance: Instance, rng: np.random.Generator) -> list[Instance]:
    """Chips that this one may be for somebody who has not measured it: drawn by the tolerances of its design.

    A chip without any deviation is taken as what it is.
    """
    if not any(values.any() for values in instance.errors.values()):
        return [instance]
    return [instance.design.sample(instance.topology, rng) for _ in range(count_of_chips(instance))]


def count_of_chips(instance: Instance) -> int:
    """How many chips stand for all; fewer of many cells, each of which takes longer."""
    return CHIPS if instance.topology.n <= _MANY_CELLS else _CHIPS_OF_MANY_CELLS


def without_grid(instance: Instance) -> Instance:
    """The same chip with conductances that need no rounding."""
    programming = instance.design.programming.model_copy(update={"bits": None})
    design = instance.design.model_copy(update={"programming": programming})
    return replace(instance, design=design)


def laws_of_chips(
    chips: Sequence[Instance],
    program: Program,
    level: Level,
    scaling: Scaling,
    kappa: float,
    noise_scale: float = 1.0,
) -> list[RelaxationLaw | None]:
    """The law of each chip with a program and injected noise; None where the chip is unstable with it.

    Args:
        chips: of one design.
        program: A and b [V].
        level: of the circuits; at level `transistor` the macro-model stands for the amplifiers.
        scaling: how all of them load the program.
        kappa: strength of the injected noise [V^2].
        noise_scale: factor on every noise density.
    """
    found: list[RelaxationLaw | None] = []
    for chip in chips:
        space = state_space(with_cell_noise(chip, kappa, scaling).network(program, level, scaling))
        stable = bool((space.poles.real < 0).all())
        found.append(RelaxationLaw.of(space, scaling.drive, noise_scale) if stable else None)
    return found
