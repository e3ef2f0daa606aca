"""What is not in the files of a bench, as a short YAML says it; docs/measurements.md documents every key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ...circuits import Cascade, Design, Level, Program, ProgramError, Scaling, Topology
from ...circuits.topologies import get_topology
from ...circuits.trials import get_chip_design, get_chip_level
from ...files import FileError, joined, read_yaml, reasons
from ...files.quantities import Cells, Hertz, Kelvin, QuantityError, Ratio, Seconds, Volt, parse_quantity
from ...files.tables import read_matrix, read_vector
from .._exceptions import MeasurementError

NAME = "lab.yaml"
"""Looked for beside the records."""

_Numbers = list[float]
_Positive = Annotated[Ratio, Field(gt=0)]


def _level(value: Any) -> float:
    """Of a source: volts, or amperes."""
    try:
        return parse_quantity(value, "V")
    except QuantityError:
        return parse_quantity(value, "A")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, coerce_numbers_to_str=True)


class ProgramFacts(_Part):
    """One program: files beside the description, or the numbers themselves."""

    matrix: str | list[_Numbers]
    """A: numbers, or a CSV file beside the description."""
    drive: str | _Numbers
    """b [V]: numbers, or a CSV file beside the description."""
    drive_scale: _Positive | None = None
    """The chip was driven with so many times b."""
    conductance_scale: _Positive = 1.0
    """The matrix was loaded so many times."""


class RecordFacts(_Part):
    """What holds for some records; those of one file win over those of all."""

    program: str | None = None
    """Name of the program that was loaded."""
    columns: Mapping[str, Annotated[int, Field(ge=0)] | str] | None = None
    """The cell, from 0, that each column shows; of a netlist the output, by its name."""
    units: Mapping[str, str] | None = None
    """Of columns whose file does not say them."""
    probe_gain: _Positive | list[_Positive] | None = None
    """Volts of the record for a volt of the chip; one for all cells or one for each."""
    readout_noise: Annotated[Volt, Field(ge=0)] | None = None
    """Standard deviation of one reading, as the record has it [V]."""
    relative_error: _Positive | None = None
    """Relative standard deviation of one value of a response, a density or a variance."""
    conjugate: Literal["first", "second"] = "second"
    """Which of the two is conjugated in a cross-spectrum S(a,b): `second` is <A B*>, `first` is <A* B>."""
    start: Seconds = 0.0
    """When the drive steps, on the record's clock [s]."""
    held_out: bool = False
    """Kept back from the fit, and judged by it."""
    noise: Literal["readout", "chip"] = "readout"
    """What makes a transient scatter: the readout, or the chip itself (then it is a noisy record)."""
    drive_port: Annotated[int, Field(ge=1)] | None = None
    """Of a Touchstone file."""
    ports: Mapping[str, Annotated[int, Field(ge=0)]] | None = None
    """Of a Touchstone file: the cell that each other port shows."""
    sources: Mapping[str, Annotated[float, BeforeValidator(_level)]] | None = None
    """Of a netlist: what the independent sources stepped to [V, A]; those of the file unless given."""
    input: str | None = None
    """Of a netlist: the source that a response is to, for a volt or an ampere of it."""


class LabFacts(RecordFacts):
    """A whole description."""

    design: str | Mapping[str, Any] | None = None
    """A preset, a file beside the description, or the keys of a design."""
    topology: str | None = None
    """Which circuit it is, by its name on the command line."""
    size: Cells | None = None
    """Number of cells; that of the programs unless given."""
    rank: Cells | None = None
    """Rows of J, of a cascade."""
    level: str | None = None
    """How deep the model goes; `macro`, or `ideal` for a design without amplifiers."""
    temperature: Kelvin | None = None
    """At which the records were made; the design's unless given."""
    netlist: str | None = None
    """A circuit of one's own instead of a design: a SPICE file beside this one."""
    outputs: str | list[str] | None = None
    """What of the netlist is read, such as `v1,v2,v1-v2`."""
    tolerances: str | None = None
    """Of the netlist's elements: a YAML file beside this one."""
    mains: Annotated[Hertz, Field(gt=0)] | None = None
    """Of hum, where that is unknown: 50 or 60 Hz."""
    chip: str = Field(default="chip", max_length=64)
    """Which chip it was, in any words."""
    programs: Mapping[str, ProgramFacts] = Field(default_factory=dict)
    """By names that the records use."""
    matrix: str | list[_Numbers] | None = None
    """A, where there is only one program: numbers, or a CSV file."""
    drive: str | _Numbers | None = None
    """b [V], where there is only one program: numbers, or a CSV file."""
    drive_scale: _Positive | None = None
    """The chip was driven with so many times b."""
    conductance_scale: _Positive = 1.0
    """The matrix was loaded so many times."""
    unknown: list[str] = Field(default_factory=list)
    """Nuisances of the bench to infer; see `calibrate`."""
    records: Mapping[str, RecordFacts] = Field(default_factory=dict)
    """Facts of single records by file name, or by a pattern such as `step-*.csv`."""


@dataclass(frozen=True, eq=False)
class Lab:
    """A description with the folder that its paths start from."""

    facts: LabFacts
    folder: Path
    where: str

    @classmethod
    def load(cls, path: Path) -> "Lab":
        """Read a description.

        Raises:
            MeasurementError: unreadable, not YAML, an unknown key or an impossible value; all of them in one line.
        """
        try:
            data = read_yaml(path)
        except FileError as error:
            raise MeasurementError(str(error).replace("cannot read the study", "cannot read the description")) from None
        return cls.of({} if data is None else data, path.parent, str(path))

    @classmethod
    def of(cls, data: Any, folder: Path, where: str) -> "Lab":
        """The lab from plain data; as `load`."""
        if not isinstance(data, Mapping):
            raise MeasurementError(f"{where}: expected keys such as `design: board-1k-1n`, got {type(data).__name__}")
        try:
            return cls(LabFacts.model_validate(dict(data)), folder, where)
        except ValidationError as error:
            raise MeasurementError(f"{where}: {reasons(error)}") from None

    @property
    def programs(self) -> dict[str, ProgramFacts]:
        """All programs by name; the one without a name is called `program`."""
        facts = self.facts
        found = dict(facts.programs)
        if facts.matrix is not None and facts.drive is not None:
            scale = facts.drive_scale
            conductance = facts.conductance_scale
            found["program"] = ProgramFacts(
                matrix=facts.matrix, drive=facts.drive, drive_scale=scale, conductance_scale=conductance
            )
        return found

    def record(self, path: Path) -> RecordFacts:
        """What holds for a file: the patterns that it fits, in their order, over what holds for all."""
        names = RecordFacts.model_fields
        found = {name: getattr(self.facts, name) for name in names}
        for pattern, facts in self.facts.records.items():
            if fnmatchcase(path.name, pattern):
                found |= {name: getattr(facts, name) for name in facts.model_fields_set}
        return RecordFacts.model_construct(**found)

    def missing(self, known_design: bool) -> list[str]:
        """Facts that every measurement needs and that are not there."""
        facts = self.facts
        found = []
        if not known_design and facts.design is None:
            found.append("design: a preset's name, or a file")
        if not known_design and facts.topology is None:
            found.append("topology: rc-mesh, differential-rc-mesh, crossbar, cascade or rlc-grid")
        if not self.programs:
            found.append("matrix and drive: files or numbers of A and b [V]")
        if any(program.drive_scale is None and facts.drive_scale is None for program in self.programs.values()) or (
            not self.programs and facts.drive_scale is None
        ):
            found.append("drive_scale: the factor on b that was applied")
        return found

    def program(self, name: str) -> tuple[Program, Scaling]:
        """A program as it was loaded.

        Raises:
            MeasurementError: no such program, or files and numbers that are none.
        """
        programs = self.programs
        if name not in programs:
            raise MeasurementError(f"{self.where}: program: expected one of {', '.join(programs)}, got {name!r}")
        facts = programs[name]
        where = f"{self.where}: program {name}"
        try:
            A = read_matrix(self.folder / facts.matrix) if isinstance(facts.matrix, str) else _array(facts.matrix)
            b = read_vector(self.folder / facts.drive) if isinstance(facts.drive, str) else np.array(facts.drive)
            program = Program(A, b)
        except (FileError, ProgramError) as error:
            raise MeasurementError(f"{where}: {error}") from None
        except ValueError:
            raise MeasurementError(f"{where}: matrix: expected rows of one length") from None
        scale = facts.drive_scale or self.facts.drive_scale
        assert scale is not None
        return program, Scaling(facts.conductance_scale, scale)

    def design(self) -> Design:
        """The design at the bench's temperature.

        Raises:
            DesignError: unknown, or unreadable.
        """
        facts = self.facts
        if isinstance(facts.design, Mapping):
            design = Design.from_dict(facts.design, f"{self.where}: design")
            return design if facts.temperature is None else design.model_copy(update={"temperature": facts.temperature})
        name = facts.design
        if name is not None and name.endswith((".yaml", ".yml")):
            name = str(self.folder / name)
        assert facts.topology is not None
        return get_chip_design(facts.topology, name, facts.temperature, level=facts.level)

    def chip(self, n: int) -> tuple[Design, Topology, Level]:
        """What chip it is, of as many cells as its programs have.

        Raises:
            MeasurementError: another size than the programs'.
            DesignError: an unknown design, topology or level.
        """
        facts = self.facts
        design = self.design()
        assert facts.topology is not None
        if facts.size is not None and facts.size != n:
            raise MeasurementError(f"{self.where}: size: expected {n}, as the matrix has, got {facts.size}")
        rank = (facts.rank or n) if facts.topology == Cascade.name else facts.rank
        return design, get_topology(facts.topology, n, rank), get_chip_level(facts.level, design, facts.topology)

    def with_facts(self, given: Mapping[str, Any]) -> "Lab":
        """The same with facts that came from elsewhere; what contradicts the description is refused.

        Raises:
            MeasurementError: a fact that differs from the description's; all of them.
        """
        new = {name: value for name, value in given.items() if value is not None}
        told = {name: getattr(self.facts, name) for name in new}
        wrong = [
            f"{name}: {self.where} says {told[name]}, and {new[name]} was given"
            for name in new
            if told[name] is not None and told[name] != new[name]
        ]
        if wrong:
            raise MeasurementError(joined(wrong))
        return Lab(self.facts.model_copy(update=new), self.folder, self.where)


def _array(rows: Sequence[Sequence[float]]) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    A = np.array(rows, dtype=float)
    if A.ndim != 2:
        raise ValueError
    return A


def found_beside(paths: Sequence[Path]) -> Lab:
    """The description that lies beside the records; an empty one where there is none."""
    for folder in dict.fromkeys(path.parent for path in paths):
        if (folder / NAME).exists():
            return Lab.load(folder / NAME)
    folder = paths[0].parent if paths else Path()
    return Lab(LabFacts(), folder, str(folder / NAME))
