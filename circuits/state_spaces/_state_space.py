"""State space of a linearised network, numerically."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy
from jaxtyping import Complex, Float, Inexact

from .._exceptions import CircuitError
from ..networks import Capacitor, CurrentSource, Equations, Network, VoltageSource, equations
from ._conserved import settled_states
from ._constrained import solved
from ._decay import Modes, relaxation, relaxation_times
from ._elimination import by_sources, eliminated


@dataclass(frozen=True, eq=False)
class StateSpace:
    """`C ds/dt = -G s + drive u + bias + dI/dt`, readout `v = M s + y_drive u + y_bias`, `Cov(dI) = noise dt`.

    States are capacitor voltages [V] (and inductor currents [A]); u is 0 before the step and 1 after it.
    """

    C: Float[np.ndarray, "m m"]
    """Storage matrix [F] (or H)."""
    G: Float[np.ndarray, "m m"]
    """Conductances [S]."""
    drive: Float[np.ndarray, " m"]
    """Currents of the program's drive [A]."""
    bias: Float[np.ndarray, " m"]
    """Currents of offsets and bias currents [A]."""
    noise: Float[np.ndarray, "m m"]
    """Two-sided density of the noise currents [A^2/Hz]."""
    M: Float[np.ndarray, "n m"]
    """Readout matrix."""
    y_drive: Float[np.ndarray, " n"]
    """Drive that reaches the readout directly [V]."""
    y_bias: Float[np.ndarray, " n"]
    """Offsets that reach the readout directly [V]."""
    feedthrough: Float[np.ndarray, " n"]
    """White noise density that reaches a readout without any band limit [V^2/Hz]; 0 for a physical readout."""
    initial: Float[np.ndarray, "m n"]
    """States for given cell voltages: `s0 = initial @ v0`, and `start` besides."""
    inputs: Float[np.ndarray, "m k"] | None = None
    """What a volt or an ampere of each source with a stimulus of its own drives into the states [A]; None without any.

    The element `sources[k]` has the AC stimulus `ac[k]`; what it does at the operating point is part of `bias`.
    """
    y_inputs: Float[np.ndarray, "n k"] | None = None
    """What of it reaches the readout directly [V]."""
    sources: tuple[VoltageSource | CurrentSource, ...] = ()
    start: Float[np.ndarray, " m"] | None = None
    """States that the elements' own initial values give; None for zeros."""

    @property
    def ac(self) -> Complex[np.ndarray, " k"]:
        """AC stimuli of the sources [V or A]."""
        return np.array([source.ac or 0.0 for source in self.sources], dtype=complex)

    @property
    def stimulus(self) -> Complex[np.ndarray, " m"]:
        """AC currents into the states [A]: of the drive, and of the sources with a stimulus of their own."""
        return self.drive.astype(complex) if self.inputs is None else self.drive + self.inputs @ self.ac

    @property
    def y_stimulus(self) -> Complex[np.ndarray, " n"]:
        """AC stimulus that reaches the readout directly [V]."""
        return self.y_drive.astype(complex) if self.y_inputs is None else self.y_drive + self.y_inputs @ self.ac

    def starting(self, v0: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
        """States at the start: of given cell voltages [V], and of the elements' own initial values."""
        given = self.initial @ v0
        return np.asarray(given if self.start is None else given + self.start)

    def response(self, frequencies: Float[np.ndarray, " f"]) -> Complex[np.ndarray, "f n"]:
        """Readouts [V] per AC stimulus at some frequencies [Hz]."""
        s = 2j * np.pi * np.asarray(frequencies, dtype=float)
        K = s[:, None, None] * self.C + self.G
        states = np.linalg.solve(K, np.broadcast_to(self.stimulus[:, None], (len(s), len(self.G), 1)))[..., 0]
        return np.asarray(states @ self.M.T + self.y_stimulus)

    @property
    def noise_feedthrough(self) -> float:
        """The largest of `feedthrough` [V^2/Hz]."""
        return float(np.max(self.feedthrough, initial=0.0))

    @property
    def F(self) -> Float[np.ndarray, "m m"]:
        """Drift `C^-1 G` [1/s].

        Raises:
            CircuitError: storage elements whose values differ by more than the digits of a number.
        """
        return self._law.F

    @property
    def Q(self) -> Float[np.ndarray, "m m"]:
        """Diffusion `C^-1 noise C^-T` [V^2/s]."""
        return self._law.Q

    @property
    def poles(self) -> Complex[np.ndarray, " m"]:
        """Eigenvalues of `-F` [1/s]."""
        return self._law.poles

    @property
    def modes(self) -> Modes | None:
        """The drift by its eigenvectors; None where these cannot be told apart."""
        return self._law.modes

    @cached_property
    def _law(self) -> "_Law":
        return _Law(self.C, self.G, self.noise)

    @cached_property
    def settled_states(self) -> Float[np.ndarray, " m"]:
        """`G^-1 (drive + bias)` [V].

        Raises:
            CircuitError: a charge or a flux that nothing brings to rest, so that the circuit settles nowhere.
        """
        return settled_states(self.G, self.drive + self.bias)

    @property
    def settled(self) -> Float[np.ndarray, " n"]:
        """Readouts of the settled device [V]."""
        return np.asarray(self.M @ self.settled_states + self.y_drive + self.y_bias)

    def relaxed(self, x: Float[np.ndarray, " m"], times: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times m"]:
        """What is left of a start, `exp(-F t) x`, at each time [s]."""
        modes = self.modes if len(times) > 1 else None
        if modes is not None:
            return modes.relaxed(x, times)
        return np.array([scipy.linalg.expm(-self.F * t) @ x for t in times]).reshape(len(times), len(x))

    def relaxing(self, x: Float[np.ndarray, " m"]) -> tuple[Float[np.ndarray, " times"], Float[np.ndarray, "times m"]]:
        """`relaxed` at times that show every mode: 0, and four an octave from before the fastest to ten of the slowest.

        They are those of `relaxation`, whose own way is taken where modes cannot be told apart.
        """
        slowest = float(-self.poles.real.max())
        fastest = float(np.abs(self.poles).max())
        modes = self.modes
        if modes is None:
            return relaxation(self.F, x, slowest, fastest)
        times = relaxation_times(slowest, fastest)
        return times, modes.relaxed(x, times)

    def first(self, n: int) -> "StateSpace":
        """The same circuit with the first n of its readouts."""
        shown = {name: getattr(self, name)[:n] for name in ("M", "y_drive", "y_bias", "feedthrough")}
        y_inputs = None if self.y_inputs is None else self.y_inputs[:n]
        found = replace(self, **shown, initial=self.initial[:, :n], y_inputs=y_inputs)
        return self._shared(found, "_law", "settled_states")

    def driven(self, scale: float) -> "StateSpace":
        """The same circuit with its drive `scale` times as large."""
        found = replace(self, drive=scale * self.drive, y_drive=scale * self.y_drive)
        return self._shared(found, "_law")

    def _shared(self, other: "StateSpace", *names: str) -> "StateSpace":
        """The other one, which works out once with this one what both have in common: most of the work."""
        _ = self._law
        vars(other).update({name: value for name, value in vars(self).items() if name in names})
        return other


@dataclass(frozen=True, eq=False)
class _Law:
    """How the states move, whatever drives them and whoever reads them."""

    C: Float[np.ndarray, "m m"]
    G: Float[np.ndarray, "m m"]
    noise: Float[np.ndarray, "m m"]

    @cached_property
    def F(self) -> Float[np.ndarray, "m m"]:
        return self._per_storage(self.G)

    @cached_property
    def Q(self) -> Float[np.ndarray, "m m"]:
        return self._per_storage(self._per_storage(self.noise).T).T

    @property
    def poles(self) -> Complex[np.ndarray, " m"]:
        return -self._eigen[0].astype(complex)

    @cached_property
    def modes(self) -> Modes | None:
        return Modes.of(*self._eigen)

    @cached_property
    def _eigen(self) -> tuple[Inexact[np.ndarray, " m"], Inexact[np.ndarray, "m m"]]:
        # Vectors cost half as much again as values alone, and whoever asks for poles most often wants modes next.
        found = np.linalg.eig(self.F)
        return found.eigenvalues, found.eigenvectors

    def _per_storage(self, right: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        found = solved(self.C, right)
        if found is None:
            raise CircuitError("the circuit's capacitances or inductances differ too much to solve its equations")
        return found


def state_space(network: Network, noisy: bool = True) -> StateSpace:
    """The state space of a network, amplifiers linearised.

    Without its noise sources unless `noisy`: in an array there are more of them than of all else.

    Raises:
        CircuitError: a node without a path for direct current, a loop of sources and capacitors.
    """
    eq = equations(network, noisy=noisy)
    found = eliminated(eq, network)
    start = _start(eq)
    return StateSpace(
        C=found.C,
        G=found.G,
        drive=found.B[:, 0],
        bias=found.B[:, 1],
        noise=found.noise,
        M=found.M,
        y_drive=found.D[:, 0],
        y_bias=found.D[:, 1],
        feedthrough=found.feedthrough,
        initial=initial_states(eq, len(network.outputs))[found.kept],
        inputs=found.B[:, 2:] if eq.stimuli else None,
        y_inputs=found.D[:, 2:] if eq.stimuli else None,
        sources=eq.stimuli,
        start=None if start is None else start[found.kept],
    )


def _start(eq: Equations) -> Float[np.ndarray, " m"] | None:
    start = np.array([float(state.initial) for state in eq.states])
    return start if start.any() else None


@dataclass(frozen=True, eq=False)
class NoisePaths:
    """Where each noise source of a network goes: its density comes in as `inflow @ diag(densities) @ inflow.T`."""

    names: tuple[str, ...]
    """Of the elements that they belong to."""
    densities: Float[np.ndarray, " k"]
    """Two-sided [A^2/Hz]."""
    inflow: Float[np.ndarray, "m k"]
    """Currents into the states for a unit of each source."""
    direct: Float[np.ndarray, "n k"]
    """What reaches a readout without any band limit, for a unit of each source."""


def noise_paths(network: Network) -> NoisePaths:
    """The noise sources of a network one by one; `state_space` has their sum.

    Raises:
        CircuitError: as `state_space`.
    """
    eq = equations(network)
    found = by_sources(eq, network)
    densities = np.asarray(eq.densities, dtype=float)
    return NoisePaths(eq.contributors, densities, found.inflow, found.direct)


def initial_states(eq: Equations, n: int) -> Float[np.ndarray, "m n"]:
    initial = np.zeros((len(eq.states), n))
    for k, state in enumerate(eq.states):
        if isinstance(state, Capacitor) and state.cell is not None:
            initial[k, state.cell] = state.sign
    return initial
