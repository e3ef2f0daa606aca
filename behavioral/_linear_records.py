"""What a loaded device's runs are read for, what that costs, and how several runs become one answer."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..circuits import Program
from ..files import MOST_RUNS, in_gigabytes, most_memory, shortened
from ._linear_device import LinearAlgebraError, LinearDevice, LoadedDevice

MOST_NOISE = 1e6
"""That is injected [V^2]."""

SETTLED = 1e-6
"""What is left of the slowest mode when a record begins."""

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
        standard_error: of each entry of it, from the scatter of independent runs: noise, time and (with several
            programs) rounding. What every run has in common, such as the mismatch of the chip, it cannot see.
        time: analog time [s] of all runs, waiting included.
        energy: drawn from the supplies in that time [J].
        runs: independent runs.
    """

    value: Float[np.ndarray, "..."]
    standard_error: Float[np.ndarray, "..."]
    time: float
    energy: float
    runs: int


@dataclass(frozen=True, slots=True)
class Budget:
    """How much analog time a result may cost.

    Attributes:
        duration: of each record or averaging window, in units of the slowest time constant of the program.
        runs: independent runs with each program, at least two.
        programs: how often the program is loaded, each time rounded stochastically and anew; 1 rounds to nearest once.
        kappa: strength of the injected noise [V^2]; None is what each problem takes by default.

    Raises:
        LinearAlgebraError: a duration that is not positive, fewer than two runs, less than one program, more than
            100,000 runs in all, or noise beyond a kilovolt.
    """

    duration: float = 100.0
    runs: int = 16
    programs: int = 1
    kappa: float | None = None

    def __post_init__(self) -> None:
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
    def of(cls, loaded: LoadedDevice, budget: Budget, n: int) -> "Times":
        slow, fast = loaded.rates
        most = most_memory() / (COPIES * 8 * budget.runs * n)
        return cls(-math.log(SETTLED) / slow, budget.duration / slow, 1 / (PER_RATE * fast), most)

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
    """Without the device's offset, the mean of all runs; it takes from a variance 2/(duration * runs) of it at most."""
    return np.asarray(x - x.mean(axis=(0, 1)))


def autocovariance(x: Float[np.ndarray, "runs times n"], lag: int) -> Float[np.ndarray, "runs n n"]:
    """`<x(t + lag) x(t)^T>` of each run."""
    return np.asarray(np.swapaxes(x[:, lag:], 1, 2) @ x[:, : x.shape[1] - lag] / (x.shape[1] - lag))


def at_lag_zero(x: Float[np.ndarray, "runs times n"]) -> Float[np.ndarray, "runs n n"]:
    """The covariance of each run without what is white to the readout: `EXTRAPOLATION`."""
    parts = [weight * autocovariance(x, lag + 1) for lag, weight in enumerate(EXTRAPOLATION)]
    return np.asarray(sum(parts[1:], parts[0]))


def measured(device: LinearDevice, program: Program, budget: Budget, rng: np.random.Generator, read: Reading) -> Answer:
    """What `read` says of the runs of a program, loaded as often as the budget has it."""
    values, time, energy = [], 0.0, 0.0
    for _ in range(budget.programs):
        loaded = device.load(program, budget.kappa, rng if budget.programs > 1 else None)
        times = Times.of(loaded, budget, program.n)
        values.append(read(loaded, times))
        spent = budget.runs * (times.wait + times.duration)
        time, energy = time + spent, energy + spent * loaded.power
    # Programs scatter by their rounding and by what their runs scatter.
    found = np.stack([part.mean(axis=0) for part in values]) if budget.programs > 1 else values[0]
    error = found.std(axis=0, ddof=1) / math.sqrt(len(found))
    return Answer(np.asarray(found.mean(axis=0)), np.asarray(error), time, energy, budget.runs * budget.programs)


def summed(a: Answer, b: Answer, factor: float) -> Answer:
    """`a + factor b` of two independent results."""
    return Answer(
        np.asarray(a.value + factor * b.value),
        np.asarray(np.hypot(a.standard_error, factor * b.standard_error)),
        a.time + b.time,
        a.energy + b.energy,
        a.runs + b.runs,
    )
