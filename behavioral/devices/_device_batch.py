"""Many chips with one program, side by side in arrays: no loop over chips."""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from ...circuits import Instances, Level, Program, Scaling, choose_scaling
from ...circuits.loaded_chips import amplifier_nodes
from ...circuits.networks import OpAmp
from ...circuits.state_spaces import StateSpaces
from .._exceptions import ClippedError, NotStationaryError
from ..processes import OrnsteinUhlenbeck, Saturation, integrate
from ..propagation import Spacings, Transition, decay_action, transitions, transposed
from ._rails_and_slew import Amplifiers

_DECAYED = 1e-9
"""Of the mean: its square, which the covariance still lacks, is below rounding."""

_GROWN = 1e30
"""A stable mean may overshoot, by no more than the condition of its modes."""

_MOST_DOUBLINGS = 60


@dataclass(frozen=True, eq=False)
class DeviceBatch:
    """Behavioural models of many drawn chips: `DeviceModel.nominal` of each, in arrays with the chips first."""

    instances: Instances
    level: Level = "macro"

    def __len__(self) -> int:
        return len(self.instances)

    def response(
        self, program: Program, scaling: Scaling | None = None, allow_clipping: bool = False
    ) -> "BatchResponse":
        """What these chips do with a program; without a scaling, that of the chip without deviations.

        Raises:
            ProgramError: the topology cannot realise the program.
            ClippedError: a settled chip is beyond an amplifier's rails.
        """
        chips = self.instances
        if scaling is None:
            scaling = choose_scaling(chips.design.nominal(chips.topology), program, self.level)
        network = chips.network(program, self.level, scaling)
        amplifiers = tuple(e for e in network.elements if isinstance(e, OpAmp) and e.model is not None)
        spaces = chips.state_spaces(program, self.level, scaling, tuple(f"{amp.name}_p" for amp in amplifiers))
        clipped = _beyond(spaces.settled[:, program.n :], amplifiers)
        if clipped.any() and not allow_clipping:
            raise ClippedError(
                f"{np.count_nonzero(clipped)} of {len(chips)} chips settle beyond an amplifier's rails, chip"
                f" {np.argmax(clipped)} first; load the program with a smaller drive scale, or set allow_clipping=True"
            )
        return BatchResponse(program, scaling, _first(spaces, program.n), clipped, self, amplifiers)


def _beyond(v: Float[np.ndarray, "chips a"], amplifiers: tuple[OpAmp, ...]) -> Bool[np.ndarray, " chips"]:
    low, high = (np.array([getattr(amp.model, name) for amp in amplifiers]) for name in ("rail_low", "rail_high"))
    return np.asarray(((v < low) | (v > high)).any(axis=1))


@dataclass(frozen=True, eq=False)
class BatchResponse:
    """Readouts v [V] of many chips over time t [s]: as `Response`, with the chips as first axis."""

    program: Program
    scaling: Scaling
    spaces: StateSpaces
    clipped: Bool[np.ndarray, " chips"]
    """Chips whose linear answer lies beyond an amplifier's rails."""
    devices: DeviceBatch
    amplifiers: tuple[OpAmp, ...]
    """Those of the circuit; what differs from chip to chip is an array."""

    @cached_property
    def settled(self) -> Float[np.ndarray, "chips n"]:
        """Mean readouts of the settled chips [V]."""
        return self.spaces.settled

    @property
    def solution(self) -> Float[np.ndarray, "chips n"]:
        """The chips' answers for `A^-1 b` [V]."""
        return self.settled / self.scaling.drive

    def mean_at(
        self, times: Float[np.ndarray, " times"], v0: Float[np.ndarray, " n"] | None = None
    ) -> Float[np.ndarray, "chips times n"]:
        """Mean readouts [V] at times [s] after the drive steps on, from cell voltages v0 (None: rest)."""
        end = self.spaces.settled_states
        y = decay_action(self.spaces.F, np.asarray(times, dtype=float), self._initial(v0) - end)
        return self.spaces.read(y + end[:, None])

    def covariance_at(self, t: float) -> Float[np.ndarray, "chips n n"]:
        """Covariance [V^2] of the readouts at time t [s] after a start from known voltages."""
        self._check_white()
        return self._project(self._transition(t).covariance)

    def stationary_covariance(self) -> Float[np.ndarray, "chips n n"]:
        """Covariance of the settled readouts [V^2].

        Raises:
            NotStationaryError: an unstable chip.
            ValueError: amplifiers with 1/f noise.
        """
        self._check_white()
        return self._project(self._stationary)

    def sample(
        self,
        times: Float[np.ndarray, " times"],
        rng: np.random.Generator,
        paths: int = 1,
        v0: Float[np.ndarray, " n"] | None = None,
        stationary: bool = False,
    ) -> Float[np.ndarray, "chips paths times n"]:
        """Exact readouts [V] at rising times [s]; arguments as `Response.sample`.

        Each distinct spacing of the times costs some matrix products for each chip, so even times are quickest.

        Raises:
            ValueError: v0 together with `stationary`, unsorted or negative times.
            NotStationaryError: a stationary start of an unstable chip.
        """
        times = np.asarray(times, dtype=float)
        if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(np.diff(times, prepend=0.0) < 0):
            raise ValueError("sample: expected finite times of at least 0 in rising order")
        if stationary and v0 is not None:
            raise ValueError("sample: expected either v0 or stationary=True, got both")
        self._check_white()
        end = self.spaces.settled_states[:, None]
        chips, m = self.spaces.F.shape[:2]
        y = np.broadcast_to(self._initial(v0) - end, (chips, paths, m))
        if stationary:
            y = rng.standard_normal(y.shape) @ transposed(_factor(self._stationary))
        out = np.empty((chips, paths, len(times), self.program.n))
        spacings = Spacings.of(np.concatenate([[0.0], times]))
        steps = [self._transition(float(t)) for t in spacings.values]
        parts = [(transposed(step.decay), transposed(_factor(step.covariance))) for step in steps]
        for k, which in enumerate(spacings.index):
            decay, colour = parts[which]
            y = y @ decay + rng.standard_normal(y.shape) @ colour
            out[:, :, k] = self.spaces.read(y + end)
        return out

    def integrate(
        self,
        times: Float[np.ndarray, " times"],
        v0: Float[np.ndarray, " n"] | None = None,
        rng: np.random.Generator | None = None,
        paths: int = 1,
        step: float | None = None,
    ) -> Float[np.ndarray, "chips paths times n"]:
        """Readouts [V] with the amplifiers' rails and slew rates, all chips in one step; as `Response.integrate`.

        Every step is taken, also where a chip is within its limits.

        Raises:
            ValueError: unsorted or negative times, a step that is not positive, or paths without a source of noise.
        """
        if rng is None and paths != 1:
            raise ValueError(f"integrate: expected a source of noise for {paths} paths; without one they are all alike")
        n, m = self.program.n, self.spaces.F.shape[1]
        times, start = np.asarray(times, dtype=float), self._initial(v0)
        if not self.amplifiers:
            return self.mean_at(times, v0)[:, None] if rng is None else self.sample(times, rng, paths, v0)
        if rng is not None:
            self._check_white()
        nodes = amplifier_nodes(self.amplifiers)
        every = self.devices.instances.state_spaces(self.program, self.devices.level, self.scaling, nodes)
        limits = [Amplifiers.of(every[k], _one(self.amplifiers, k), n) for k in range(len(self.devices))]
        parts = [part.saturation(every[k], every.F[k]) for k, part in enumerate(limits)]
        stacked = (np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Saturation))
        Q = self.spaces.Q if rng is not None else np.zeros_like(self.spaces.Q)
        chips = zip(self.spaces.F, self.spaces.settled_states, Q, strict=True)
        states = integrate(
            [OrnsteinUhlenbeck(*chip) for chip in chips],
            Saturation(*stacked),
            times,
            start,
            np.random.default_rng(0) if rng is None else rng,
            limits[0].step if step is None else step,
            paths,
            limits[0].bounds(m),
        )
        read = self.spaces.read(states.reshape(len(states), -1, m))
        return read.reshape(*states.shape[:-1], n)

    def _check_white(self) -> None:
        if any(amp.model is not None and amp.model.noise_corner > 0 for amp in self.amplifiers):
            raise ValueError("BatchResponse: 1/f noise is not in the batch; take DeviceModel for each chip, or Effects")

    def _initial(self, v0: Float[np.ndarray, " n"] | None) -> Float[np.ndarray, " m"]:
        n = self.program.n
        start = np.zeros(n) if v0 is None else np.asarray(v0, dtype=float)
        if start.shape != (n,):
            raise ValueError(f"v0: expected {n} voltages, one for each cell, got shape {start.shape}")
        return np.asarray(self.spaces.initial @ start)

    def _transition(self, t: float) -> Transition:
        return transitions(self.spaces.F, self.spaces.Q, np.array([t]))

    @cached_property
    def _stationary(self) -> Float[np.ndarray, "chips m m"]:
        rate = float(np.abs(np.trace(self.spaces.F, axis1=1, axis2=2)).max()) / self.spaces.F.shape[1]
        step = self._transition(1 / rate)
        for _ in range(_MOST_DOUBLINGS):
            if np.abs(step.decay).max() < _DECAYED:
                return step.covariance
            if np.abs(step.decay).max() > _GROWN:
                break
            step = step.then(step)
        raise NotStationaryError("stationary_covariance: a chip of the batch is unstable with this program")

    def _project(self, P: Float[np.ndarray, "chips m m"]) -> Float[np.ndarray, "chips n n"]:
        M = self.spaces.M
        covariance = M @ P @ transposed(M)
        return np.asarray((covariance + transposed(covariance)) / 2)


def _factor(S: Float[np.ndarray, "chips m m"]) -> Float[np.ndarray, "chips m m"]:
    """L with `L L^T = S`, S positive semidefinite; scaled, so that a small variance is not lost beside a large one."""
    sd = np.sqrt(np.clip(np.diagonal(S, axis1=1, axis2=2), 0.0, None))
    unit = np.where(sd > 0, sd, 1.0)
    R = S / unit[:, :, None] / unit[:, None]
    try:
        return np.asarray(np.linalg.cholesky(R) * unit[:, :, None])
    except np.linalg.LinAlgError:
        w, V = np.linalg.eigh(R)
        return np.asarray(V * np.sqrt(np.clip(w, 0.0, None))[:, None] * unit[:, :, None])


def _one(amplifiers: tuple[OpAmp, ...], chip: int) -> tuple[OpAmp, ...]:
    """The amplifiers of one chip: only their offsets differ."""
    models = [(amp, amp.model) for amp in amplifiers if amp.model is not None]
    return tuple(
        replace(amp, model=replace(model, offset=float(np.ravel(model.offset)[chip if np.ndim(model.offset) else 0])))
        for amp, model in models
    )


def _first(spaces: StateSpaces, n: int) -> StateSpaces:
    return replace(
        spaces,
        M=spaces.M[:, :n],
        y_drive=spaces.y_drive[:, :n],
        y_bias=spaces.y_bias[:, :n],
        initial=spaces.initial[:, :n],
    )
