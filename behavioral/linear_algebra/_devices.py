"""Devices that linear algebra runs on: what they must offer, and the ideal and the modelled one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
import scipy
from jaxtyping import Float

from ...circuits import Program, Scaling, choose_scaling
from ...circuits.loaded_chips import (
    RelaxationLaw,
    chip_power,
    circuit_rates,
    fitting_noise,
    laws_of_chips,
    noise_swing,
    program_rates,
    with_cell_noise,
    without_grid,
)
from ...circuits.topologies import Answer
from .._exceptions import LinearAlgebraError
from ..devices import DeviceModel, Response
from ..processes import OrnsteinUhlenbeck


@runtime_checkable
class LoadedDevice(Protocol):
    """A device that holds a program and relaxes: `dx = -(A x - b) dt/tau + N(0, 2 kappa dt/tau)`, x in volts of b."""

    @property
    def tau(self) -> float:
        """Time constant with the program loaded [s]."""
        ...

    @property
    def rates(self) -> tuple[float, float]:
        """Slowest and fastest rate of its relaxation [1/s], amplifiers aside."""
        ...

    @property
    def kappa(self) -> float:
        """Noise strength asked for [V^2]; the device's own noise comes on top."""
        ...

    @property
    def power(self) -> float:
        """Power drawn [W]: supply of the amplifiers, and what the resistors take."""
        ...

    def record(
        self, times: Float[np.ndarray, " times"], runs: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "runs times n"]:
        """Readouts x at rising times [s] of independent runs, each started from rest."""
        ...

    def average(self, wait: float, duration: float, runs: int, rng: np.random.Generator) -> Float[np.ndarray, "runs n"]:
        """Readouts averaged over a window of `duration` [s] that opens `wait` [s] after the start from rest."""
        ...


@runtime_checkable
class StartableDevice(Protocol):
    """A loaded device whose cells can be charged before it relaxes."""

    def started(self, mean: Float[np.ndarray, " n"], spread: Float[np.ndarray, "runs n"]) -> LoadedDevice:
        """The same with runs that start at `mean + spread` [V of b], one row for each run, instead of at rest."""
        ...


@runtime_checkable
class KnownDevice(Protocol):
    """A loaded device that knows what it may do wrong."""

    def laws(self, seed: int) -> Sequence[RelaxationLaw | None]:
        """Of each chip that the device may be, with this program; None where that is unstable with it.

        The same seed gives the same chips, whatever the program.
        """
        ...


@runtime_checkable
class LinearDevice(Protocol):
    """Anything that a program can be loaded into: an ideal device, the model of a chip, or a chip in a simulator."""

    @property
    def answer(self) -> Answer:
        """Whether its mean relaxes to `A^-1 b`, or only its covariance tells of A."""
        ...

    def load(
        self, program: Program, kappa: float | None = None, rounding: np.random.Generator | None = None
    ) -> LoadedDevice:
        """The device with a program.

        Args:
            program: A and b [V].
            kappa: strength of the white noise injected into every cell [V^2]; None is as much as fits the range.
            rounding: source of stochastic rounding of the program; to the nearest step without.

        Raises:
            ProgramError: the device cannot realise the program.
        """
        ...


@dataclass(frozen=True, slots=True)
class IdealDevice:
    """Exactly `dx = -(A x - b) dt/tau + N(0, 2 kappa dt/tau)`: no other noise, no error, no rounding.

    Args:
        tau: time constant [s].
        R0: of an entry of one [ohm], for the power.
        swing: range of the readouts for the noise [V].
    """

    tau: float = 1e-6
    R0: float = 1e3
    swing: float = 1.0

    @property
    def answer(self) -> Answer:
        """The mean."""
        return "mean"

    def load(
        self, program: Program, kappa: float | None = None, rounding: np.random.Generator | None = None
    ) -> LoadedDevice:
        """As `LinearDevice.load`; there is nothing to round."""
        strength = fitting_noise(program, self.swing) if kappa is None else kappa
        if not 0 <= strength < np.inf:
            raise LinearAlgebraError(f"kappa: expected a noise strength in V^2 of at least 0, got {strength}")
        eye = np.eye(program.n)
        process = OrnsteinUhlenbeck(program.A / self.tau, program.solution, 2 * strength / self.tau * eye)
        rms = np.diag(process.stationary_covariance()) + program.solution**2
        power = float(np.abs(program.A).sum(axis=0) @ rms / self.R0)
        zero = np.zeros(program.n)
        rates = program_rates(program, self.tau)
        law = RelaxationLaw(process.drift, process.diffusion, eye, program.solution, -program.solution, None, eye)
        return _Loaded(
            process,
            eye,
            zero,
            zero,
            self.tau,
            rates,
            strength,
            power,
            zero,
            eye,
            _as_it_is,
            lambda _: [law],
            self.tau / self.R0,
        )


@dataclass(frozen=True, slots=True)
class ModelDevice:
    """A chip as its behavioural model has it: nominal or calibrated, with its own noise beside the injected one.

    Args:
        model: of the chip.
        converters: whether drive and readouts pass the chip's DAC and ADC; an averaged readout is averaged before it
            is converted.
    """

    model: DeviceModel
    converters: bool = False

    @property
    def answer(self) -> Answer:
        """That of the chip's topology."""
        return self.model.instance.topology.answer

    def load(
        self, program: Program, kappa: float | None = None, rounding: np.random.Generator | None = None
    ) -> LoadedDevice:
        """As `LinearDevice.load`. The noise that fits has six standard deviations within half the range.

        Raises:
            ProgramError: the topology cannot realise the program.
            ClippedError: the settled device is beyond an amplifier's rails.
        """
        model, instance = self.model, self.model.instance
        scaling = choose_scaling(instance, program, model.level)
        if self.converters:
            program = model.driven(program, scaling)
        strength = fitting_noise(program, noise_swing(instance)) if kappa is None else kappa
        noisy = with_cell_noise(instance, strength, scaling)
        response = Response.of(noisy, program, model.level, scaling, model.noise_scale.value, rounding=rounding)
        tau = model.design.tau / scaling.conductance
        space, drive = response.space, scaling.drive
        shift = (space.y_drive + space.y_bias) / drive
        mean_square = np.diag(response.stationary_covariance()) + response.settled**2
        power = chip_power(noisy, program, model.level, scaling, mean_square)
        start, sd = response.initial(None), response.start_sd

        def read(x: Float[np.ndarray, "*batch n"], rng: np.random.Generator) -> Float[np.ndarray, "*batch n"]:
            return model.read_out(drive * x, rng) / drive

        convert = read if self.converters else _as_it_is
        # A grid has modes of its inductors too, and no amplifiers.
        rates = program_rates(program, tau) if self.answer == "mean" else circuit_rates(response.space)
        laws = partial(self._laws, program, scaling, strength, rounding is not None)
        return _Loaded(
            response.process,
            response.M / drive,
            shift,
            start,
            tau,
            rates,
            strength,
            power,
            sd,
            response.initial(drive * np.eye(program.n)).T,
            convert,
            laws,
            model.design.C * drive**2 if self.answer == "mean" else 0.0,
        )

    def _laws(
        self, program: Program, scaling: Scaling, kappa: float, unrounded: bool, seed: int
    ) -> list[RelaxationLaw | None]:
        model, rng = self.model, np.random.default_rng(seed)
        chips = [without_grid(chip) if unrounded else chip for chip in model.possible_chips(rng)]
        laws = laws_of_chips(chips, program, model.level, scaling, kappa, model.noise_scale.value)
        if not self.converters:
            return laws
        models = [DeviceModel.nominal(chip, model.level) for chip in chips]
        return [
            law and replace(law, convert=partial(_converted, chip, scaling.drive, rng))
            for law, chip in zip(laws, models, strict=True)
        ]


def _converted(
    model: DeviceModel, drive: float, rng: np.random.Generator, x: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    return model.read_out(drive * x, rng) / drive


def _started_laws(
    laws: Callable[[int], Sequence[RelaxationLaw | None]], mean: Float[np.ndarray, " n"], seed: int
) -> list[RelaxationLaw | None]:
    return [law and law.started(mean) for law in laws(seed)]


_Readout = Callable[[Float[np.ndarray, "..."], np.random.Generator], Float[np.ndarray, "..."]]


def _as_it_is(x: Float[np.ndarray, "*batch n"], rng: np.random.Generator) -> Float[np.ndarray, "*batch n"]:
    return x


@dataclass(frozen=True, eq=False)
class _Loaded:
    """A linear process, its readout `x = M s + y`, and what converts it."""

    process: OrnsteinUhlenbeck
    M: Float[np.ndarray, "n m"]
    y: Float[np.ndarray, " n"]
    start: Float[np.ndarray, "*runs m"]
    tau: float
    rates: tuple[float, float]
    kappa: float
    power: float
    start_sd: Float[np.ndarray, " m"]
    initial: Float[np.ndarray, "m n"]
    convert: _Readout = _as_it_is
    laws: Callable[[int], Sequence[RelaxationLaw | None]] = lambda _: ()
    capacitance: float = 0.0

    def record(
        self, times: Float[np.ndarray, " times"], runs: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "runs times n"]:
        return self.convert(self._analog(times, runs, rng), rng)

    def average(self, wait: float, duration: float, runs: int, rng: np.random.Generator) -> Float[np.ndarray, "runs n"]:
        if self.start_sd.any():
            # Each run has its own slow noise: as many points as the window has time constants of the program.
            times = wait + np.linspace(0.0, duration, 2 + int(10 * duration / self.tau))
            return self.convert(self._analog(times, runs, rng).mean(axis=1), rng)
        # The law of the average is known: no path is stepped. Runs that start apart are apart by what is left of that.
        centre = self.start if self.start.ndim == 1 else self.start.mean(axis=0)
        law = self.process.time_average(duration, centre, wait)
        return self.convert((law.sample(rng, runs) + self._left(centre, wait, duration)) @ self.M.T + self.y, rng)

    def _left(self, centre: Float[np.ndarray, " m"], wait: float, duration: float) -> Float[np.ndarray, "*runs m"]:
        away = self.start - centre
        if not away.any():
            return np.zeros_like(centre)
        F = self.process.drift
        left = scipy.linalg.expm(-F * wait) - scipy.linalg.expm(-F * (wait + duration))
        return np.asarray(away @ np.linalg.solve(F, left).T / duration)

    def started(self, mean: Float[np.ndarray, " n"], spread: Float[np.ndarray, "runs n"]) -> "_Loaded":
        # Runs of one start have one law, which is quicker than a law for each.
        start = self.start + ((mean + spread) if spread.any() else mean) @ self.initial.T
        return replace(self, start=start, laws=partial(_started_laws, self.laws, mean))

    def _analog(
        self, times: Float[np.ndarray, " times"], runs: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "runs times n"]:
        start = self.start
        if self.start_sd.any():
            start = start + self.start_sd * rng.standard_normal((runs, start.shape[-1]))
        return np.asarray(self.process.sample(times, start, rng, runs, self.M) + self.y)
