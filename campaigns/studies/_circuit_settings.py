"""One simulated chip."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...circuits import LEVELS, TOPOLOGIES, Design, Level, RLCGrid
from ...files import joined
from ...files.quantities import Cells, Count, Ratio, Seconds, Volt
from ...measurements import Analysis
from ._limits import Frozen


class ProgramSettings(Frozen):
    """A random program, or the one of two CSV files (which become `A` and `b`)."""

    condition: Annotated[Ratio, Field(ge=1)] = 10.0
    """Condition number of the random matrix."""
    symmetric: bool = True
    """Whether the random matrix is; of a crossbar only."""
    seed: Annotated[Count, Field(ge=0)] | None = None
    """The study's seed unless given: every chip gets the same program."""
    per_chip: bool = False
    """Whether each chip gets a random program of its own, by its number: a yield is then of chips and programs."""
    A: tuple[tuple[Ratio, ...], ...] | None = None
    """The matrix instead of a random one, or a CSV file with it."""
    b: tuple[Volt, ...] | None = None
    """The drive that goes with it, or a CSV file with it."""


class CircuitSettings(Frozen):
    """One simulated chip; parameters of a study replace fields of this by their dotted names."""

    design: Design
    """A preset, a file, or the keys of a design."""
    corner: Literal["slow", "typical", "fast"] = "typical"
    """Of the process: every value at one end of the design's corners."""
    topology: str = "crossbar"
    """Which circuit holds the program."""
    size: Annotated[Cells, Field(ge=1)] = 8
    """Number of cells."""
    level: Level = "macro"
    """How deep the circuit goes."""
    analyses: tuple[Analysis, ...] = Field(("op",), min_length=1)
    """What is measured of each chip."""
    duration: Annotated[Seconds, Field(gt=0)] | None = None
    """Of a transient [s]; until it has settled unless given."""
    settle_tolerance: Annotated[Ratio, Field(gt=0, lt=1)] = 0.01
    """Settled is when the relative distance from the settled voltages stays below this."""
    mismatch: bool = True
    """Whether chips are drawn from the tolerances; otherwise all are nominal."""
    program: ProgramSettings = ProgramSettings()
    """What the chips hold."""
    drive_scale: Literal["auto"] | Annotated[Ratio, Field(gt=0)] = "auto"
    """Factor on the drive; `auto` fits the rails and converters."""
    engine: Literal["ngspice", "vacask", "auto"] = "ngspice"
    """Which simulator; `auto` takes the faster one for the circuit, as far as it is installed."""

    @model_validator(mode="after")
    def _known(self) -> "CircuitSettings":
        if wrong := list(self._faults()):
            raise ValueError(joined(wrong))
        return self

    def _faults_of_many_programs(self) -> Iterator[str]:
        for name in ("seed", "A", "b"):
            if getattr(self.program, name) is not None:
                yield f"program.{name}: means nothing with per_chip, which draws a program for each chip; remove one"
        if not self.mismatch:
            yield "program.per_chip: nominal chips have no numbers to draw by; remove it, or mismatch: false"

    def _faults(self) -> Iterator[str]:
        if self.topology not in TOPOLOGIES:
            yield f"topology: expected one of {', '.join(TOPOLOGIES)}, got {self.topology!r}"
        if self.level not in LEVELS:
            yield f"level: expected one of {', '.join(LEVELS)}, got {self.level!r}"
        if self.level != "ideal" and self.design.amplifier is None:
            yield f"level: the design {self.design.name} has no amplifier; expected ideal"
        elif self.level != "ideal" and self.topology == RLCGrid.name:
            yield f"level: an {self.topology} has no amplifiers; expected ideal, got {self.level}"
        if self.level == "transistor" and self.engine == "vacask":
            yield "engine: VACASK has no transistors; take ngspice or auto, or level ideal or macro"
        if len(set(self.analyses)) != len(self.analyses):
            yield f"analyses: expected each once, got {', '.join(self.analyses)}"
        if self.program.per_chip:
            yield from self._faults_of_many_programs()
        if self.program.b is not None and self.size != len(self.program.b):
            yield f"size: the program's files set it to {len(self.program.b)}, got {self.size}"
