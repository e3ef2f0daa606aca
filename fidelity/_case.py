"""One chip of the fidelity table, and what decides which comparisons are made of it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..behavioral import DeviceModel
from ..circuits import Instance, Level, choose_scaling, random_program
from ..measurements import calibration_scaling
from .subjects import Subject

Depth = Literal["quick", "usual", "full"]
"""Quick: neither conditions nor other chips; full: every size, transistors, and records of noise of every chip."""

# Cells above which covariances and waveforms cost minutes: only settled voltages and responses are compared.
LARGE = 8

# Stream of the case's seed for its program; the chip has the seed itself.
_PROGRAM = 1


@dataclass(frozen=True, eq=False)
class Case:
    """One chip at one level with its random program."""

    instance: Instance
    level: Level
    seed: int
    model: DeviceModel | None = None
    """A calibrated model that SPICE is compared with; None: the chip's own, whose deviations are known."""
    first: bool = False
    """Whether it is the smallest of several of its topology and level, which is looked at under every condition."""
    depth: Depth = "usual"

    @property
    def name(self) -> str:
        """Topology, level, cells and seed."""
        return f"{self.instance.topology.name}-{self.level}-{self.instance.topology.n}-{self.seed}"

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.instance.topology.n

    @property
    def calibrated(self) -> bool:
        """Whether a calibrated model is compared, not the chip's own."""
        return self.model is not None

    @property
    def of_transistors(self) -> bool:
        """Whether SPICE simulates transistors, with which no formula and no linear equation has to agree."""
        return self.level == "transistor"

    @property
    def of_a_file(self) -> bool:
        """Whether the amplifiers are those of a user's file, whose transistors are not known."""
        amplifier = self.instance.design.amplifier
        return self.of_transistors and amplifier is not None and amplifier.circuit is not None

    @property
    def of_formulas(self) -> bool:
        """Whether SPICE, the equations and the formulas are of the same linear circuit."""
        return not self.calibrated and not self.of_transistors

    @property
    def small(self) -> bool:
        """Whether there are few enough cells for covariances and waveforms."""
        return self.cells <= LARGE

    @property
    def answers_by_mean(self) -> bool:
        """Whether the settled voltages are the answer; a grid answers by its covariance."""
        return self.instance.topology.answer == "mean"

    def subject(self) -> Subject:
        """The chip with its program and model."""
        program = random_program(self.instance.topology, np.random.default_rng([self.seed, _PROGRAM]))
        # A calibrated model stands for the range of voltages that it was calibrated in: beyond, transistors change with
        # their operating point.
        choose = choose_scaling if self.model is None else calibration_scaling
        scaling = choose(self.instance, program, self.level)
        model = self.model or DeviceModel.nominal(self.instance, self.level)
        return Subject(self.instance, program, self.level, scaling, model, self.seed, self.calibrated)
