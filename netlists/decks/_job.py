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
    duration: float | None = None
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
