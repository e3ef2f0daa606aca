"""What a loaded device's runs are read for, what that costs, and how several runs become one answer."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float

from ...circuits import Program
from ...circuits.loaded_chips import SETTLED, RelaxationLaw
from ...files.opening import MOST_RUNS, in_gigabytes, most_memory, shortened
from .._exceptions import LinearAlgebraError
from ._deflation import Deflation
from ._devices import KnownDevice, LinearDevice, LoadedDevice, StartableDevice
from ._least_energy import least_energy_of_a_run

MOST_NOISE = 1e6
"""That is injected [V^2]."""

PER_RATE = 16
"""Samples in a record for each fastest time constant."""

COPIES = 4
"""Of a record in memory: as simulated, as read, centred, and with a lag."""

EXTRAPOLATION = (3.0, -3.0, 1.0)
"""Weights of the autocovariances at lags of one, two and three samples that extrapolate to lag zero.

At lag zero itself a readout also carries what is white to it: broadband amplifier noise, its own sampling noise and
rounding. A mode of rate a is left with `1 - (1 - exp(-a h))^3` of its covariance, h the spacing: 2e-4 are missing at
the fastest.
"""


@dataclass(frozen=True, eq=False)
class Answer:
    """A result with its price.

    Attributes:
        value: a number, vector or matrix.
        standard_error: of each entry of it, everything that the device is known to do wrong: value +- 1.96 of it
            holds the right one in 95 of 100 chips.
        time: analog time [s] of all runs, waiting included.
        energy: drawn from the supplies in that time [J].
        runs: independent runs.
        noise_error: the part that the scatter of independent runs shows: noise, time and (with several programs)
            rounding. Of few runs it is larger by Student's factor.
        device_error: the part that all runs have in common, as the root mean square over the chips that the device
            may be: mismatch by the design's tolerances, or by the standard errors of a calibration; offsets, gain,
            rounding to the nearest, what is left of the relaxation, the device's own noise, the rule of quadrature.
        products: of the matrix and a vector, which the digital side spent on deflated starts; 2 n^2 operations each.
        least_energy: no process moves the cells from their starts to where they are read in that time with less heat
            [J]; zero where it is not known.
    """

    value: Float[np.ndarray, "..."]
    standard_error: Float[np.ndarray, "..."]
    time: float
    energy: float
    runs: int
    noise_error: Float[np.ndarray, "..."]
    device_error: Float[np.ndarray, "..."]
    products: int = 0
    least_energy: float = 0.0


@dataclass(frozen=True, eq=False)
class Part:
    """A measured value on its way to an answer.

    `deviations` (chips, ...) is how far each chip that the device may be is from the right value, runs without end:
    parts of one answer have the same chips.
    """

    value: Float[np.ndarray, "..."]
    noise: Float[np.ndarray, "..."]
    deviations: Float[np.ndarray, "chips ..."]
    time: float
    energy: float
    runs: int
    products: int = 0
    least_energy: float = 0.0

    def answer(self) -> Answer:
        """The answer with one error bar."""
        device = _root_mean_square(self.deviations)
        total = np.asarray(np.hypot(self.noise, device))
        spent = (self.time, self.energy, self.runs)
        return Answer(self.value, total, *spent, self.noise, device, self.products, self.least_energy)

    def plus(self, other: "Part", factor: float) -> "Part":
        """`self + factor other`: noise is independent, the chip is the same."""
        return Part(
            np.asarray(self.value + factor * other.value),
            np.asarray(np.hypot(self.noise, factor * other.noise)),
            np.asarray(self.deviations + factor * other.deviations),
            self.time + other.time,
            self.energy + other.energy,
            self.runs + other.runs,
            self.products + other.products,
            self.least_energy + other.least_energy,
        )


def _root_mean_square(deviations: Float[np.ndarray, "chips ..."]) -> Float[np.ndarray, "..."]:
    # A chip that is unstable with the program has no value.
    known = deviations[np.isfinite(deviations).all(axis=tuple(range(1, deviations.ndim)))]
    return np.asarray(np.sqrt(np.mean(known**2, axis=0))) if len(known) else np.zeros(deviations.shape[1:])


@dataclass(frozen=True, slots=True)
class Budget:
    """How much analog time a result may cost.

    Attributes:
        duration: of each record or averaging window, in units of the slowest time constant of the program.
        runs: independent runs with each program, at least two.
        programs: how often the program is loaded, each time rounded stochastically and anew; 1 rounds to nearest once.
        kappa: strength of the injected noise [V^2]; None is what each problem takes by default.
        deflated: slowest modes of a symmetric A that each run starts settled in; the next one sets the time to wait.

    Raises:
        LinearAlgebraError: a duration that is not positive, fewer than two runs, less than one program, more than
            100,000 runs in all, or noise beyond a kilovolt.
    """

    duration: float = 100.0
    runs: int = 16
    programs: int = 1
    kappa: float | None = None
    deflated: int = 0

    def __post_init__(self) -> None:
        if self.deflated < 0:
            raise LinearAlgebraError(f"deflated: expected at least 0 modes, got {self.deflated}")
        if not 0 < self.duration < math.inf:
            raise LinearAlgebraError(f"duration: expected a positive number of time constants, got {self.duration}")
        if self.runs < 2:
            raise LinearAlgebraError(f"runs: expected at least 2, or there is no error bar, got {self.runs}")
        if self.programs < 1:
            raise LinearAlgebraError(f"programs: expected at least 1, got {self.programs}")
        for name, count in (("runs", self.runs), ("programs", self.programs), ("all runs", self.runs * self.programs)):
            if count > MOST_RUNS:
                raise LinearAlgebraError(f"{name}: expected at most {MOST_RUNS:,}, got {shortened(count)}")
        if self.kappa is not None and self.kappa > MOST_NOISE:
            raise LinearAlgebraError(f"kappa: expected at most {MOST_NOISE:g} V^2, a kilovolt rms, got {self.kappa:g}")


DEFAULT = Budget()

# What one loaded program's runs are turned into: one value for each run.
Reading = Callable[[LoadedDevice, "Times"], Float[np.ndarray, "runs *shape"]]


@dataclass(frozen=True, slots=True)
class Times:
    """When to read a loaded program [s]."""

    wait: float
    duration: float
    spacing: float
    most: float
    """Samples of a record that fit into memory, of all runs."""

    @classmethod
    def of(cls, loaded: LoadedDevice, budget: Budget, n: int, deflation: Deflation | None = None) -> "Times":
        slow, fast = loaded.rates
        settling = slow if deflation is None else deflation.slowest_left / loaded.tau
        most = most_memory() / (COPIES * 8 * budget.runs * n)
        return cls(-math.log(SETTLED) / settling, budget.duration / slow, 1 / (PER_RATE * fast), most)

    def samples(self, spacing: float) -> Float[np.ndarray, " times"]:
        """When to read a record.

        Raises:
            LinearAlgebraError: so often that the record does not fit into memory.
        """
        wanted = self.duration / spacing
        if wanted > self.most:
            raise LinearAlgebraError(
                f"duration: expected at most {self.most:,.3g} samples of each run, which fill"
                f" {in_gigabytes(most_memory())} of memory, got {wanted:,.3g}; take a shorter duration or fewer runs"
            )
        count = math.ceil(wanted * (1 - 1e-12)) + 1 + len(EXTRAPOLATION)
        return self.wait + spacing * np.arange(count)


def centred(x: Float[np.ndarray, "runs times n"]) -> Float[np.ndarray, "runs times n"]:
    """Readouts without the device's offset, the mean of all runs.

    It takes from a variance 2/(duration * runs) of it at most.
    """
    return np.asarray(x - x.mean(axis=(0, 1)))


def autocovariance(x: Float[np.ndarray, "runs times n"], lag: int) -> Float[np.ndarray, "runs n n"]:
    """`<x(t + lag) x(t)^T>` of each run."""
    return np.asarray(np.swapaxes(x[:, lag:], 1, 2) @ x[:, : x.shape[1] - lag] / (x.shape[1] - lag))


def at_lag_zero(x: Float[np.ndarray, "runs times n"]) -> Float[np.ndarray, "runs n n"]:
    """The covariance of each run without what is white to the readout: `EXTRAPOLATION`."""
    parts = [weight * autocovariance(x, lag + 1) for lag, weight in enumerate(EXTRAPOLATION)]
    return np.asarray(sum(parts[1:], parts[0]))


@dataclass(frozen=True, eq=False)
class Question:
    """A program, what its runs are read for, and what they would say on average.

    `read` gives one value for each run, `expected` what a device with that law gives, `right` is the right value.
    `seed` draws the chips that the device may be.
    """

    program: Program
    read: Reading
    expected: Callable[[RelaxationLaw, LoadedDevice, "Times"], Float[np.ndarray, "*shape"]]
    right: Float[np.ndarray, "*shape"]
    seed: int


def measured(device: LinearDevice, question: Question, budget: Budget, rng: np.random.Generator) -> Part:
    """What the runs of a program say, loaded as often as the budget has it."""
    values = []
    time = 0.0
    energy = 0.0
    products = 0
    least = 0.0
    for _ in range(budget.programs):
        loaded = device.load(question.program, budget.kappa, rng if budget.programs > 1 else None)
        deflation = None
        if budget.deflated:
            deflation = Deflation.of(question.program.A, budget.deflated, rng)
            products += deflation.products
            loaded = _deflated(loaded, deflation, question.program, budget, rng)
        times = Times.of(loaded, budget, question.program.n, deflation)
        values.append(question.read(loaded, times))
        spent = budget.runs * (times.wait + times.duration)
        least += budget.runs * least_energy_of_a_run(loaded, question.program, deflation, spent / budget.runs)
        time = time + spent
        energy = energy + spent * loaded.power
    # Programs scatter by their rounding and by what their runs scatter.
    found = np.stack([part.mean(axis=0) for part in values]) if budget.programs > 1 else values[0]
    error = students(len(found)) * found.std(axis=0, ddof=1) / math.sqrt(len(found))
    deviations = _deviations(question, loaded, times)
    return Part(
        np.asarray(found.mean(axis=0)),
        np.asarray(error),
        deviations,
        time,
        energy,
        budget.runs * budget.programs,
        products,
        least,
    )


def _deflated(
    loaded: LoadedDevice, deflation: Deflation, program: Program, budget: Budget, rng: np.random.Generator
) -> LoadedDevice:
    if not isinstance(loaded, StartableDevice):
        raise LinearAlgebraError("deflated: expected a device whose cells can be charged before it relaxes")
    return loaded.started(deflation.mean(program.b), deflation.spread(loaded.kappa, budget.runs, rng))


def _deviations(question: Question, loaded: LoadedDevice, times: Times) -> Float[np.ndarray, "chips *shape"]:
    if not isinstance(loaded, KnownDevice):
        return np.zeros((1, *question.right.shape))
    missing = np.full(question.right.shape, np.nan)
    laws = loaded.laws(question.seed)
    return np.stack(
        [missing if law is None else question.expected(law, loaded, times) - question.right for law in laws]
    )


def students(count: int) -> float:
    """Student's quantile of a mean of so many values, over the normal one: 1.96 of the product holds 95 %."""
    return float(scipy.special.stdtrit(count - 1, _TWO_SIDED) / scipy.special.ndtri(_TWO_SIDED))


_TWO_SIDED = 0.975
