"""A chip in ngspice as a device that linear algebra runs on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import ceil, log

import numpy as np
from jaxtyping import Float

from ...circuits import (
    Cascade,
    Crossbar,
    DifferentialRCMesh,
    Instance,
    Level,
    Program,
    RLCGrid,
    Scaling,
    choose_scaling,
    state_space,
)
from ...circuits.loaded_chips import (
    SETTLED,
    RelaxationLaw,
    chip_power,
    circuit_rates,
    fitting_noise,
    laws_of_chips,
    noise_swing,
    possible_chips,
    program_rates,
    with_cell_noise,
    without_grid,
)
from ...circuits.topologies import Answer, load
from ...files.forecasts import Forecast
from .._exceptions import NetlistError
from ..decks import Job
from ..simulators import Ngspice, proven_ngspice
from ._agreement import trusted
from ._forecast import forecast_of_noise
from ._many import simulate_many

_HOLDS_PER_RATE = 16
"""Random values in each fastest time constant of the program: variances are then within 4e-4."""


@dataclass(frozen=True, slots=True)
class SpiceDevice:
    """Every run is a transient with seeded noise in ngspice; see `thermospice.behavioral.LinearDevice`.

    Args:
        instance: the chip.
        level: of the circuit.
        workers: ngspice processes at a time; as many as there are processors unless given.
        ngspice: the simulator, found unless given.
        timeout: for each run [s].
    """

    instance: Instance
    level: Level = "macro"
    workers: int | None = None
    ngspice: Ngspice | None = None
    timeout: float = 300.0

    @property
    def answer(self) -> Answer:
        """Whether its mean relaxes to `A^-1 b`, or only its covariance tells of A."""
        return self.instance.topology.answer

    def load(
        self, program: Program, kappa: float | None = None, rounding: np.random.Generator | None = None
    ) -> "LoadedSpice":
        """The chip with a program, and white noise of strength kappa [V^2] injected into every cell.

        None is the strength that fits the range. With `rounding` the program is rounded stochastically to the grid.

        Raises:
            ProgramError, DesignError: the program or the level does not fit the chip.
            SimulatorMissing: there is no ngspice.
        """
        scaling, instance, asked = choose_scaling(self.instance, program, self.level), self.instance, program
        strength = fitting_noise(program, noise_swing(self.instance)) if kappa is None else kappa
        if rounding is not None:
            instance, program = _rounded(instance, program, scaling, rounding)
        noisy = with_cell_noise(instance, strength, scaling)
        device = replace(self, instance=noisy, ngspice=self.ngspice or proven_ngspice())
        laws = partial(self._laws, asked, scaling, strength, rounding is not None)
        return LoadedSpice(device, program, scaling, strength, laws)

    def forecast(self, program: Program, duration: float, runs: int) -> Forecast:
        """What records take, each of so many of the program's slowest time constants after it has settled."""
        slow, fast = program_rates(program, 1.0)
        holds = _HOLDS_PER_RATE * (duration - log(SETTLED)) * fast / slow
        return forecast_of_noise(self.instance.network(program, self.level), holds, runs)

    def _laws(
        self, program: Program, scaling: Scaling, kappa: float, unrounded: bool, seed: int
    ) -> list[RelaxationLaw | None]:
        chips = possible_chips(self.instance, np.random.default_rng(seed))
        if unrounded:
            chips = [without_grid(chip) for chip in chips]
        return laws_of_chips(chips, program, self.level, scaling, kappa)


@dataclass(frozen=True)
class LoadedSpice:
    """A chip with a program; see `thermospice.behavioral.LoadedDevice` and `KnownDevice`.

    `laws` gives those of the chips that this one may be, by its design's tolerances.
    """

    device: SpiceDevice
    program: Program
    scaling: Scaling
    kappa: float
    laws: Callable[[int], Sequence[RelaxationLaw | None]]
    starts: Float[np.ndarray, "runs n"] | None = None
    """Where each run starts [V of b]; rest unless given."""

    def started(self, mean: Float[np.ndarray, " n"], spread: Float[np.ndarray, "runs n"]) -> "LoadedSpice":
        """The same with runs that start at `mean + spread` [V of b] instead of at rest."""
        return replace(self, starts=mean + spread, laws=partial(_started_laws, self.laws, mean))

    @property
    def tau(self) -> float:
        """Time constant with the program loaded [s]."""
        return self.device.instance.design.tau / self.scaling.conductance

    @property
    def capacitance(self) -> float:
        """Of a cell [F], for voltages told in volts of b; zero where the chip tells of A by its covariance only."""
        return self.device.instance.design.C * self.scaling.drive**2 if self.device.answer == "mean" else 0.0

    @cached_property
    def rates(self) -> tuple[float, float]:
        """Slowest and fastest rate of its relaxation [1/s], amplifiers aside."""
        if self.device.answer == "mean":
            return program_rates(self.program, self.tau)
        return circuit_rates(state_space(self.device.instance.network(self.program, self.device.level, self.scaling)))

    @cached_property
    def power(self) -> float:
        """Power drawn [W], as `chip_power`; the noise is taken as that of a symmetric program without mismatch."""
        variance = self.kappa * self.scaling.drive**2 * np.abs(np.diag(np.linalg.inv(self.program.A)))
        mean_square = (self.scaling.drive * self.program.solution) ** 2 + variance
        return chip_power(self.device.instance, self.program, self.device.level, self.scaling, mean_square)

    def record(
        self, times: Float[np.ndarray, " times"], runs: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "runs times n"]:
        """Readouts [V of b] at evenly spaced times [s] of independent runs from rest; times are moved to the noise's
        own grid, by half a sixteenth of the fastest time constant at most.

        Raises:
            NetlistError: times that are not evenly spaced.
            SimulatorError: a run failed.
        """
        spacing = float(np.diff(times).min()) if len(times) > 1 else float(times[0])
        if len(times) > 1 and np.ptp(np.diff(times)) > 1e-6 * spacing:
            raise NetlistError("record: expected evenly spaced times")
        hold = spacing / max(1, ceil(spacing / self._hold * (1 - 1e-9)))
        v = self._run(float(times[-1]), hold, runs, rng)
        # The first sample of a run is at one hold.
        rows = round(float(times[0]) / hold) - 1 + round(spacing / hold) * np.arange(len(times))
        return v[:, np.clip(rows, 0, v.shape[1] - 1)]

    def average(self, wait: float, duration: float, runs: int, rng: np.random.Generator) -> Float[np.ndarray, "runs n"]:
        """Readouts averaged over a window of `duration` [s] that opens after `wait` [s].

        Raises:
            SimulatorError: a run failed.
        """
        v = self._run(wait + duration, self._hold, runs, rng)
        return np.asarray(v[:, round(wait / self._hold) :].mean(axis=1))

    @property
    def _hold(self) -> float:
        return 1 / (_HOLDS_PER_RATE * self.rates[1])

    def _run(
        self, duration: float, hold: float, runs: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "runs times n"]:
        device = self.device
        jobs = [
            Job(
                device.instance,
                self.program,
                "tran",
                device.level,
                duration,
                self.scaling,
                noise=True,
                seed=int(seed),
                noise_step=hold,
                timeout=device.timeout,
                x0=None if self.starts is None else self.scaling.drive * self.starts[k],
            )
            for k, seed in enumerate(rng.integers(2**31, size=runs))
        ]
        found = []
        for result in simulate_many(jobs, device.workers, device.ngspice):
            if isinstance(result, Exception):
                raise result
            found.append(trusted(result)["v"].values / self.scaling.drive)
        return np.stack(found)


def _started_laws(
    laws: Callable[[int], Sequence[RelaxationLaw | None]], mean: Float[np.ndarray, " n"], seed: int
) -> list[RelaxationLaw | None]:
    return [law and law.started(mean) for law in laws(seed)]


def _rounded(
    instance: Instance, program: Program, scaling: Scaling, rng: np.random.Generator
) -> tuple[Instance, Program]:
    """The program as stochastic rounding leaves it, and the chip without a grid to round it once more."""
    weights = load(instance.design.programming, instance.topology, program, scaling.conductance, rng).weights
    free = without_grid(instance)
    g = scaling.conductance
    match instance.topology:
        case Crossbar():
            return free, Program(weights["A"] / g, program.b)
        case Cascade():
            return free, Program.from_factors(weights["J"], weights["H"] / g, float(weights["damping"] / g), program.b)
        case _:
            # One component serves both directions: the lower triangle's.
            lower = np.tril(weights["coupling"], -1)
            off = lower + lower.T if isinstance(instance.topology, DifferentialRCMesh) else -lower - lower.T
            ground = weights["capacitance"] if isinstance(instance.topology, RLCGrid) else weights["ground"]
            return free, Program((off + np.diag(ground + np.abs(off).sum(axis=1))) / g, program.b)
