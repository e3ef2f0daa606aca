"""What to measure on which chip: a run as a value."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

from ...circuits import Instance, Level, Program, Scaling
from ...measurements import Analysis
from ..amplifiers import AmplifierSubcircuit, amplifier_of
from ._build import UNSCALED


@dataclass(frozen=True, eq=False)
class Settings:
    """What is measured of a circuit, whichever it is; see `simulate`."""

    analysis: Analysis = "tran"
    level: Level = "macro"
    """Depth of the amplifiers. At level `transistor` durations, steps and frequencies follow from the macro-model."""
    duration: float | None = None
    """Of a transient [s]; None: until the slowest mode has decayed to 1e-6."""
    noise: bool = False
    """Whether a transient has a random source for each origin of noise."""
    seed: int | None = None
    """Of these sources; None: drawn, and recorded with the measurement."""
    x0: Sequence[float] | Float[np.ndarray, " n"] | None = None
    """Initial cell voltages [V]; None: zero."""
    max_step: float | None = None
    """Largest step of a transient [s]; None: by the circuit's poles."""
    noise_step: float | None = None
    """Time that a random source holds a value [s]; None: such that variances are at most 5 % off."""
    frequencies: tuple[float, float] | None = None
    """Lowest and highest of a response or of noise [Hz]; None: by the circuit's poles."""
    points_per_decade: int | None = None
    """Of frequencies; None: 100 of a response, and of noise as many as its integral needs."""
    timeout: float = 300.0
    """For each process of the simulator [s]."""
    amplifier: AmplifierSubcircuit | None = None
    """Subcircuit at level `transistor`; None: the project's two-stage amplifier."""
    band: tuple[float, float] | None = None
    """Lowest and highest frequency of a covariance of noise [Hz], instead of `frequencies`."""


@dataclass(frozen=True, eq=False)
class Job:
    """One run: what `simulate` takes, as a value for `simulate_many` and `deck`."""

    instance: Instance
    program: Program
    analysis: Analysis = "tran"
    level: Level = "macro"
    duration: float | None = None
    scaling: Scaling = UNSCALED
    noise: bool = False
    seed: int | None = None
    x0: Sequence[float] | Float[np.ndarray, " n"] | None = None
    max_step: float | None = None
    noise_step: float | None = None
    frequencies: tuple[float, float] | None = None
    points_per_decade: int | None = None
    timeout: float = 300.0
    amplifier: AmplifierSubcircuit | None = None
    band: tuple[float, float] | None = None

    @property
    def settings(self) -> Settings:
        """The job without the chip and its program; the amplifier is that of the chip's design where it has a file."""
        values = {field.name: getattr(self, field.name) for field in fields(Settings)}
        if self.level == "transistor" and self.amplifier is None:
            values["amplifier"] = amplifier_of(self.instance.design)
        return Settings(**values)
