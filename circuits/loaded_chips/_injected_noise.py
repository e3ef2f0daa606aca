"""Noise as a program: what is injected into every cell, how much of it fits, and what a chip draws meanwhile."""

from dataclasses import replace
from math import log

import numpy as np
import scipy
from jaxtyping import Float

from .._exceptions import DesignError
from ..chips import Instance
from ..networks import OpAmp
from ..programs import Program, Scaling
from ..state_spaces import StateSpace, settle_time
from ..topologies import DifferentialRCMesh, Level
from ._swing import HEADROOM

SIGMAS = 6.0
"""Standard deviations of the noise within the part `HEADROOM` of the range."""


def with_cell_noise(instance: Instance, kappa: float, scaling: Scaling | None = None) -> Instance:
    """The same chip with white current noise injected into every cell: `dx = -(A x - b) dt/tau + N(0, 2 kappa dt/tau)`.

    The two-sided current density is `2 kappa C/R0` at the design's temperature, half of that into each rail of a pair.
    It replaces the design's `injected_noise`; the noise of resistors and amplifiers stays. Without mismatch the
    settled covariance is then `kappa A^-1` for symmetric A, and P of `A P + P A^T = 2 kappa` for any.

    Args:
        instance: the chip.
        kappa: strength [V^2], in volts of the program's drive.
        scaling: how the program is loaded; its drive scales the volts and its conductance the time.

    Raises:
        DesignError: negative, or not finite.
    """
    if not 0 <= kappa < np.inf:
        raise DesignError(f"kappa: expected a noise strength in V^2 of at least 0, got {kappa}")
    values = instance.design.values("ideal")
    scaling = scaling or Scaling()
    rails = 2 if isinstance(instance.topology, DifferentialRCMesh) else 1
    density = 2 * kappa * scaling.conductance * scaling.drive**2 * values.C / values.R0 / rails
    design = instance.design.model_copy(update={"injected_noise": float(density)})
    return replace(instance, design=design)


def fitting_noise(program: Program, swing: float) -> float:
    """Noise strength [V^2] with which the largest standard deviation is a sixth of `swing` [V]."""
    P = scipy.linalg.solve_continuous_lyapunov(program.A, 2 * np.eye(program.n))
    return float((swing / SIGMAS) ** 2 / np.diag(P).max())


SETTLED = 1e-6
"""What is left of a relaxation that is called settled."""


def program_rates(program: Program, tau: float) -> tuple[float, float]:
    """Slowest decay and fastest rate [1/s] of a device that relaxes as `dx = -(A x - b) dt/tau`.

    The slowest decay is that with which `|exp(-A t)|` comes to `SETTLED`: of the smallest eigenvalue for a normal A,
    slower for one whose modes feed each other.
    """
    return _slowest(program.A) / tau, float(np.abs(program.eigenvalues).max()) / tau


def _slowest(F: Float[np.ndarray, "m m"]) -> float:
    return -log(SETTLED) / settle_time(F, SETTLED)


def circuit_rates(space: StateSpace) -> tuple[float, float]:
    """The same of all modes of a circuit."""
    poles = space.poles
    return float(-poles.real.max()), float(np.abs(poles).max())


def noise_swing(instance: Instance) -> float:
    """Voltage that noise may reach on a chip [V]: half of its rails and of its converters' range."""
    amplifier = instance.design.amplifier
    converters = instance.design.converters
    rails = (amplifier.rail_high, -amplifier.rail_low) if amplifier else (converters.full_scale,)
    return float(HEADROOM * min(converters.full_scale, *rails))


def chip_power(
    instance: Instance, program: Program, level: Level, scaling: Scaling, mean_square: Float[np.ndarray, " n"]
) -> float:
    """Power [W] of a settled chip: quiescent supply of its amplifiers, and `g sum_ij |A_ij| E[v_j^2] / R0`.

    The second is what the resistors of a crossbar take, whose other ends are virtual grounds, and the most that
    those of a mesh can take.

    Args:
        instance: the chip.
        program: what it holds.
        level: level `ideal` has no supply.
        scaling: its conductance is g.
        mean_square: of the cells' voltages [V^2].
    """
    design = instance.design
    resistors = float(scaling.conductance * (np.abs(program.A).sum(axis=0) @ mean_square) / design.R0)
    if design.amplifier is None or level == "ideal":
        return resistors
    amplifiers = sum(isinstance(e, OpAmp) for e in instance.network(program, level, scaling).elements)
    supply = design.amplifier.supply_current * design.amplifier.supply
    return resistors + amplifiers * supply
