"""What a device does with one program: exact statistics of its readouts."""

from dataclasses import dataclass, replace
from functools import cached_property
from math import pi

import numpy as np
import scipy
from jaxtyping import Complex, Float

from ...circuits import Instance, Level, Network, Program, Scaling, state_space
from ...circuits.loaded_chips import amplifier_nodes, amplifiers_of, loaded_chip
from ...circuits.state_spaces import StateSpace
from .._exceptions import ClippedError
from ..processes import OrnsteinUhlenbeck
from ..propagation import Gaussian
from ._rails_and_slew import Amplifiers
from ._waveform import limited_paths


@dataclass(frozen=True, eq=False)
class Response:
    """Readouts v [V] of a device with a program loaded, over time t [s] and frequency f [Hz].

    The linearised circuit is an Ornstein-Uhlenbeck process in its capacitor voltages, of which the readouts are a
    projection: `C ds = (-G s + drive + bias) dt + dI`, `v = M s + y`. Every method is exact for that circuit; no
    time is stepped. `v / scaling.drive` is the device's answer for `A^-1 b`. `DeviceModel.response` makes it.

    A linear answer beyond an amplifier's rails is refused with `ClippedError` unless `allow_clipping` is set.
    """

    program: Program
    scaling: Scaling
    space: StateSpace
    amplifiers: Amplifiers
    noise_scale: float
    """Factor on every noise density of the design."""
    allow_clipping: bool = False

    @classmethod
    def of(
        cls,
        instance: Instance,
        program: Program,
        level: Level,
        scaling: Scaling,
        noise_scale: float = 1.0,
        allow_clipping: bool = False,
        rounding: np.random.Generator | None = None,
    ) -> "Response":
        """Reduce the circuit of an instance; the program is rounded to the nearest step, or stochastically.

        Raises:
            ProgramError, DesignError: as `Instance.network`.
            ClippedError: the settled device is beyond an amplifier's rails.
        """
        if rounding is not None:
            network = instance.network(program, level, scaling, rounding)
            return cls.of_network(network, program, scaling, noise_scale, allow_clipping)
        # Whoever chose the scaling has asked for the same state space just before.
        chip = loaded_chip(instance, program, level, scaling)
        return cls._of_space(chip.network, chip.inside, program, scaling, noise_scale, allow_clipping)

    @classmethod
    def of_network(
        cls,
        network: Network,
        program: Program,
        scaling: Scaling,
        noise_scale: float = 1.0,
        allow_clipping: bool = False,
    ) -> "Response":
        """Reduce a circuit that holds a program, whoever made it; `program` says how many cells there are.

        Raises:
            ValueError: as `state_space`.
            ClippedError: the settled device is beyond an amplifier's rails.
        """
        nodes = amplifier_nodes(amplifiers_of(network))
        space = state_space(replace(network, outputs=(*network.outputs, *nodes)))
        return cls._of_space(network, space, program, scaling, noise_scale, allow_clipping)

    @classmethod
    def _of_space(
        cls,
        network: Network,
        space: StateSpace,
        program: Program,
        scaling: Scaling,
        noise_scale: float,
        allow_clipping: bool,
    ) -> "Response":
        """From a state space with `amplifier_nodes` as further readouts."""
        response = cls(
            program,
            scaling,
            space.first(len(network.outputs)),
            Amplifiers.of(space, amplifiers_of(network), program.n),
            noise_scale,
            allow_clipping,
        )
        if response.clipped:
            response._refuse(response.clipped, "settles")
        return response

    @property
    def n(self) -> int:
        """Number of cells."""
        return self.program.n

    @cached_property
    def process(self) -> OrnsteinUhlenbeck:
        """The capacitor voltages, and after them the states of the amplifiers' 1/f noise where there is any."""
        Q = self.noise_scale * self.space.Q
        white = OrnsteinUhlenbeck(self.space.F, self.space.settled_states, (Q + Q.T) / 2)
        return self.amplifiers.with_flicker(white, self.space, self.noise_scale)

    @cached_property
    def M(self) -> Float[np.ndarray, "n s"]:
        """Readout matrix of the process: `space.M` and zeros."""
        return np.pad(self.space.M, ((0, 0), (0, self.process.n - self.space.M.shape[1])))

    @cached_property
    def start_sd(self) -> Float[np.ndarray, " s"]:
        """Standard deviations of the states at a start from known voltages: 1/f noise has always been there."""
        m = len(self.space.F)
        diffusion, drift = (np.diag(part)[m:] for part in (self.process.diffusion, self.process.drift))
        return np.concatenate([np.zeros(m), np.sqrt(diffusion / (2 * drift))])

    @cached_property
    def settled(self) -> Float[np.ndarray, " n"]:
        """Mean readouts of the settled device [V]."""
        return self._read(self.process.mean)

    @property
    def solution(self) -> Float[np.ndarray, " n"]:
        """The device's answer for `A^-1 b`: settled readouts without the drive's scale [V]."""
        return self.settled / self.scaling.drive

    @property
    def poles(self) -> Complex[np.ndarray, " m"]:
        """Eigenvalues of the circuit [1/s]; stable ones have negative real part."""
        return self.space.poles

    @property
    def clipped(self) -> tuple[str, ...]:
        """Amplifiers whose settled output lies beyond the rails in the linear circuit."""
        return self.amplifiers.clipped(self.space.settled_states[None])

    def exceeded(
        self, times: Float[np.ndarray, " times"], v0: Float[np.ndarray, " n"] | None = None
    ) -> tuple[str, ...]:
        """Amplifiers that leave their rails or their slew rate at some of the times, started from v0 (None: rest)."""
        m = len(self.space.F)
        states = self.process.mean_at(np.asarray(times, dtype=float), self.initial(v0))[..., :m]
        slopes = (self.space.settled_states - states) @ self.space.F.T
        return self.amplifiers.exceeded(states, slopes)

    def initial(self, v0: Float[np.ndarray, "*paths n"] | None) -> Float[np.ndarray, "*paths s"]:
        """Capacitor voltages when the cells start at v0 [V]; None is rest."""
        v0 = np.zeros(self.n) if v0 is None else np.asarray(v0, dtype=float)
        if v0.shape[-1:] != (self.n,):
            raise ValueError(f"v0: expected {self.n} voltages, one for each cell, got shape {v0.shape}")
        start = v0 @ self.space.initial.T
        return np.concatenate([start, np.zeros((*start.shape[:-1], self.process.n - len(self.space.F)))], axis=-1)

    def _start(
        self, v0: Float[np.ndarray, "*paths n"] | None, rng: np.random.Generator, paths: int
    ) -> Float[np.ndarray, "*paths s"]:
        """States at the start of each path: the voltages are known, the 1/f noise is drawn."""
        start, sd = self.initial(v0), self.start_sd
        return np.asarray(start + sd * rng.standard_normal((paths, len(sd)))) if sd.any() else start

    def mean_at(
        self, times: Float[np.ndarray, " times"], v0: Float[np.ndarray, " n"] | None = None
    ) -> Float[np.ndarray, "times n"]:
        """Mean readouts [V] at times [s] after the drive steps on, started from cell voltages v0 (None: rest).

        Raises:
            ClippedError: an amplifier is beyond its rails at one of the times.
            ValueError: v0 or times of another shape, negative times.
        """
        states = self.process.mean_at(np.asarray(times, dtype=float), self.initial(v0))
        if not self.allow_clipping and (beyond := self.amplifiers.clipped(states[..., : len(self.space.F)])):
            self._refuse(beyond, "passes")
        return self._read(states)

    def stationary_covariance(self) -> Float[np.ndarray, "n n"]:
        """Covariance of the settled readouts [V^2], broadband amplifier noise included."""
        return self._project(self.process.stationary_covariance())

    def covariance_at(self, t: float) -> Float[np.ndarray, "n n"]:
        """Covariance [V^2] of the readouts at time t [s] after a start from known voltages.

        The amplifiers' 1/f noise is not new at the start; it has its stationary law.
        """
        P = self.process.covariance_at(t)
        if self.start_sd.any():
            spread = self.process.mean_at(t, np.diag(self.start_sd) + self.process.mean) - self.process.mean
            P = P + spread.T @ spread
        return self._project(P)

    def sample(
        self,
        times: Float[np.ndarray, " times"],
        rng: np.random.Generator,
        paths: int = 1,
        v0: Float[np.ndarray, "*paths n"] | None = None,
        stationary: bool = False,
    ) -> Float[np.ndarray, "paths times n"]:
        """Exact readouts [V] at rising times [s], without the converters' noise.

        Args:
            times: as `mean_at`; any spacing.
            rng: source of the noise.
            paths: how many independent runs.
            v0: cell voltages at the start, one (n,) or one for each path (paths, n); None is rest.
            stationary: start from the settled law instead of v0.

        Raises:
            ValueError: v0 together with `stationary`, unsorted or negative times.
        """
        if stationary and v0 is not None:
            raise ValueError("sample: expected either v0 or stationary=True, got both")
        start = None if stationary else self._start(v0, rng, paths)
        v = self.process.sample(np.asarray(times, dtype=float), start, rng, paths, self.M)
        return np.asarray(v + (self.space.y_drive + self.space.y_bias))

    def time_average(
        self, duration: float, v0: Float[np.ndarray, " n"] | None = None, wait: float = 0.0, stationary: bool = False
    ) -> Gaussian:
        """Law of the readouts averaged over a window of `duration` [s] that opens `wait` [s] after the start.

        Mean [V] and covariance [V^2] in closed form; no path is stepped. From cell voltages v0 (None: rest), or from
        the settled law.

        Raises:
            ValueError: v0 together with `stationary`, negative times.
        """
        if stationary and v0 is not None:
            raise ValueError("time_average: expected either v0 or stationary=True, got both")
        law = self.process.time_average(duration, None if stationary else self.initial(v0), wait)
        covariance = law.covariance
        if not stationary and self.start_sd.any():
            # 1/f noise is there at the start, in every direction that its states have.
            base = self.initial(v0)
            states = np.flatnonzero(self.start_sd)
            steps = self.start_sd[states, None] * np.eye(self.process.n)[states]
            moved = [self.process.time_average(duration, base + step, wait).mean for step in steps]
            spread = np.array(moved) - law.mean
            covariance = covariance + spread.T @ spread
        return Gaussian(self._read(law.mean), self._project(covariance))

    def integrate(
        self,
        times: Float[np.ndarray, " times"],
        v0: Float[np.ndarray, "*paths n"] | None = None,
        rng: np.random.Generator | None = None,
        paths: int = 1,
        step: float | None = None,
    ) -> Float[np.ndarray, "paths times n"]:
        """Readouts [V] at rising times [s] with the amplifiers' rails and slew rates, stepped from v0 (None: rest).

        Each rail holds the pole node, and the slew rate the current into it, as in the netlist. The linear part of
        each step is exact (see `integrate`), and without noise nothing is stepped while all amplifiers are within
        their limits: the waveform is then that of `mean_at`. A linear answer beyond the limits is no obstacle here.

        Args:
            times: as `mean_at`.
            v0: cell voltages at the start, one (n,) or one for each path.
            rng: source of the noise; without it the one waveform is that of the circuit without noise.
            paths: how many independent runs, with a source of noise.
            step: longest step [s]; a tenth of the amplifiers' 1/(2 pi GBW) unless given.

        Raises:
            ValueError: unsorted or negative times, a step that is not positive, or paths without a source of noise.
        """
        if rng is None and paths != 1:
            raise ValueError(f"integrate: expected a source of noise for {paths} paths; without one they are all alike")
        start = self.initial(v0) if rng is None else self._start(v0, rng, paths)
        return self._read(
            limited_paths(
                self.process, self.space, self.amplifiers, np.asarray(times, dtype=float), start, rng, paths, step
            )
        )

    def psd(self, frequencies: Float[np.ndarray, " f"]) -> Float[np.ndarray, "f n"]:
        """One-sided noise density of each settled readout [V^2/Hz]."""
        return self.process.psd(np.asarray(frequencies, dtype=float), self.M)

    def transfer(self, frequencies: Float[np.ndarray, " f"]) -> Complex[np.ndarray, "f n"]:
        """Readouts [V] with the whole drive vector as a sine of its own amplitude: `M (iwC + G)^-1 drive + y`."""
        T, Z = scipy.linalg.schur(self.space.F.astype(complex), output="complex")
        right = Z.conj().T @ np.linalg.solve(self.space.C, self.space.drive)
        left, unit = self.space.M @ Z, np.eye(len(T))
        columns = [
            left @ scipy.linalg.solve_triangular(T + 2j * pi * f * unit, right) for f in np.asarray(frequencies, float)
        ]
        return np.asarray(np.array(columns, dtype=complex).reshape(-1, self.n) + self.space.y_drive)

    def _read(self, states: Float[np.ndarray, "*batch s"]) -> Float[np.ndarray, "*batch n"]:
        return np.asarray(states @ self.M.T + (self.space.y_drive + self.space.y_bias))

    def _project(self, P: Float[np.ndarray, "s s"]) -> Float[np.ndarray, "n n"]:
        covariance = self.M @ P @ self.M.T
        return np.asarray((covariance + covariance.T) / 2)

    def _refuse(self, names: tuple[str, ...], verb: str) -> None:
        if not self.allow_clipping:
            raise ClippedError(
                f"amplifier {', '.join(names)}: the linear circuit {verb} beyond the rails, where its answer does not"
                " hold; load the program with a smaller drive scale (choose_scaling), or set allow_clipping=True"
            )
