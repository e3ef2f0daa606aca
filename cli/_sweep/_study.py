"""What a study is: a frozen, validated description that a YAML file gives."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from ...circuits import LEVELS, TOPOLOGIES, Design, Level, RLCGrid
from ...files import joined, reasons
from ...files.quantities import (
    Bytes,
    Cells,
    Count,
    Ratio,
    Seconds,
    Volt,
)
from ...netlists import Analysis
from .._errors import InputError
from ._limits import Frozen
from ._limits import Limit as Limit
from ._limits import Specification as Specification
from ._metrics import CIRCUIT, RATIOS, TRAINING, Metric
from ._parameters import Parameter
from ._yaml import read_yaml

MOST_RUNS = 100_000


class ProgramSettings(Frozen):
    """A random program, or the one of two CSV files (which become `A` and `b`)."""

    condition: Annotated[Ratio, Field(ge=1)] = 10.0
    symmetric: bool = True
    seed: Annotated[Count, Field(ge=0)] | None = None
    """The study's seed unless given: every chip gets the same program."""
    A: tuple[tuple[Ratio, ...], ...] | None = None
    b: tuple[Volt, ...] | None = None


class CircuitSettings(Frozen):
    """One simulated chip; parameters of a study replace fields of this by their dotted names."""

    design: Design
    corner: Literal["slow", "typical", "fast"] = "typical"
    topology: str = "crossbar"
    size: Annotated[Cells, Field(ge=1)] = 8
    level: Level = "macro"
    analyses: tuple[Analysis, ...] = Field(("op",), min_length=1)
    duration: Annotated[Seconds, Field(gt=0)] | None = None
    """Of a transient [s]; until it has settled unless given."""
    settle_tolerance: Annotated[Ratio, Field(gt=0, lt=1)] = 0.01
    """Settled is when the relative distance from the settled voltages stays below this."""
    mismatch: bool = True
    program: ProgramSettings = ProgramSettings()
    drive_scale: Literal["auto"] | Annotated[Ratio, Field(gt=0)] = "auto"

    @model_validator(mode="after")
    def _known(self) -> "CircuitSettings":
        if wrong := list(self._faults()):
            raise ValueError(joined(wrong))
        return self

    def _faults(self) -> Iterator[str]:
        if self.topology not in TOPOLOGIES:
            yield f"topology: expected one of {', '.join(TOPOLOGIES)}, got {self.topology!r}"
        if self.level not in LEVELS:
            yield f"level: expected one of {', '.join(LEVELS)}, got {self.level!r}"
        if self.level != "ideal" and self.design.amplifier is None:
            yield f"level: the design {self.design.name} has no amplifier; expected ideal"
        elif self.level != "ideal" and self.topology == RLCGrid.name:
            yield f"level: an {self.topology} has no amplifiers; expected ideal, got {self.level}"
        if len(set(self.analyses)) != len(self.analyses):
            yield f"analyses: expected each once, got {', '.join(self.analyses)}"
        if self.program.b is not None and self.size != len(self.program.b):
            yield f"size: the program's files set it to {len(self.program.b)}, got {self.size}"


class StopAfter(Frozen):
    """The campaign ends when this many runs have failed."""

    stop_after: Annotated[Count, Field(ge=1)]


class Study(Frozen):
    """A campaign: base settings, parameters that vary, and what a good result is."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)
    description: str = ""
    kind: Literal["circuit", "training"] = "circuit"
    circuit: CircuitSettings | None = None
    training: Mapping[str, Any] | None = None
    """Fields of an experiment of `thermospice train`, without its seeds."""
    reference: Mapping[str, Any] | None = None
    """Settings of a training study that are replaced in the runs that losses are compared with, one for each seed:
    every run then has `train_loss_ratio` and `test_loss_ratio`."""
    specification: Specification | None = None
    parameters: Mapping[str, Parameter] = Field(default_factory=dict)
    method: Literal["grid", "latin-hypercube", "monte-carlo"] = "grid"
    samples: Annotated[Count, Field(ge=1)] | None = None
    """Points of a Latin hypercube or Monte Carlo."""
    instances: Annotated[Count, Field(ge=1)] = 1
    """Chips (training: seeds) at every point, numbered from the study's seed on, the same ones at every point."""
    seed: Annotated[Count, Field(ge=0)] = 0
    timeout: Annotated[Seconds, Field(gt=0)] = 600.0
    """Of one run [s]."""
    memory: Annotated[Bytes, Field(gt=0)] | None = 4e9
    """That the processes of one run may hold [byte]."""
    failures: Literal["continue"] | StopAfter = "continue"
    limits: tuple[Limit, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "Study":
        wrong = list(self._wrong_blocks()) or [
            *self._wrong_points(),
            *self._wrong_specification(),
            *self._wrong_limits(),
        ]
        if wrong:
            raise ValueError(joined(wrong))
        return self

    def _wrong_blocks(self) -> Iterator[str]:
        blocks = {"circuit": self.circuit, "training": self.training}
        other = next(name for name in blocks if name != self.kind)
        if blocks[self.kind] is None:
            yield f"{self.kind}: missing; a study of kind {self.kind} needs it"
        if blocks[other] is not None:
            yield f"{other}: means nothing to a study of kind {self.kind}; remove it or change kind"

    def _wrong_points(self) -> Iterator[str]:
        if self.method == "grid" and self.samples is not None:
            yield "samples: a grid has as many points as its values; remove it or change method"
        if self.method != "grid" and self.samples is None:
            yield f"samples: missing; {self.method} needs the number of points"
        if self.method != "grid" and not self.parameters:
            yield f"parameters: missing; {self.method} needs at least one"
        for name, parameter in self.parameters.items():
            yield from parameter.faults(name, self.method)
        if self.reference is not None and self.kind != "training":
            yield "reference: only a study of kind training has one; remove it"

    def _wrong_specification(self) -> Iterator[str]:
        asked = self.specification
        if asked is None:
            return
        if self.method != "grid" or len(self.parameters) < 2:
            yield "specification: needs a grid of at least two parameters"
        if asked.loosest not in self.parameters:
            yield f"specification.loosest: expected one of {', '.join(self.parameters)}"
        if asked.metric not in self.metrics:
            yield f"specification.metric: expected one of {', '.join(self.metrics)}, got {asked.metric!r}"

    def _wrong_limits(self) -> Iterator[str]:
        known = self.metrics
        for k, limit in enumerate(self.limits):
            if limit.metric not in known:
                every = CIRCUIT if self.kind == "circuit" else {**TRAINING, **RATIOS}
                hint = f"; it needs the analysis {every[limit.metric].analysis}" if limit.metric in every else ""
                yield f"limits.{k}.metric: expected one of {', '.join(known)}, got {limit.metric!r}{hint}"

    @property
    def metrics(self) -> dict[str, Metric]:
        """What the runs of this study measure."""
        if self.circuit is None:
            return {**TRAINING, **(RATIOS if self.reference is not None else {})}
        analyses = self.circuit.analyses
        return {name: m for name, m in CIRCUIT.items() if m.analysis is None or m.analysis in analyses}


def load_study(path: Path) -> Study:
    """Read a study; files that it names are relative to it, and their content becomes part of the study.

    Raises:
        InputError: one line with file and field.
        DesignError: a design that cannot be read.
    """
    return parse_study(_inlined(read_yaml(path), path), str(path))


def parse_study(data: Any, where: str) -> Study:
    """Validate plain data.

    Raises:
        InputError: one line with the field.
    """
    if not isinstance(data, Mapping):
        raise InputError(f"{where}: expected fields such as `name: my-study`, got {type(data).__name__}")
    try:
        return Study.model_validate(dict(data))
    except ValidationError as error:
        raise InputError(f"{where}: {reasons(error)}") from None


def _inlined(data: Any, path: Path) -> Any:
    """The study with the content of the files that it names."""
    if not isinstance(data, Mapping):
        return data
    if isinstance(data.get("training"), Mapping):
        training = _placed(data["training"], path)
        # Written out, so that a parameter can name any field of it.
        design = {"design": _design(training["design"], path)} if "design" in training else {}
        return {**data, "training": {**training, **design}}
    circuit = data.get("circuit")
    if not isinstance(circuit, Mapping):
        return data
    circuit = dict(circuit)
    if "design" in circuit:
        circuit["design"] = _design(circuit["design"], path)
    program = circuit.get("program")
    if isinstance(program, Mapping) and {"matrix", "drive"} & set(program):
        circuit["program"] = _files_read(dict(program), path)
        circuit.setdefault("size", len(circuit["program"]["b"]))
    return {**data, "circuit": circuit}


def _placed(training: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Files of an experiment by their absolute paths: its runs are performed elsewhere."""
    files = {name: training[name] for name in ("data", "device") if isinstance(training.get(name), str)}
    # A link to itself stays one here, and is refused when it is opened.
    return {**training, **{name: os.path.realpath(path.parent / value) for name, value in files.items()}}


def _design(given: Any, path: Path) -> Any:
    if isinstance(given, str):
        return _named_design(given, path)
    return given


def _named_design(name: str, path: Path) -> dict[str, Any]:
    is_file = name.endswith((".yaml", ".yml")) or "/" in name
    design = Design.load(path.parent / name) if is_file else Design.preset(name)
    return design.to_dict()


def _files_read(program: dict[str, Any], path: Path) -> dict[str, Any]:
    from ...files.tables import read_matrix, read_vector

    if not {"matrix", "drive"} <= set(program):
        raise InputError(f"{path}: circuit.program: matrix and drive belong together; give both files")
    A = read_matrix(path.parent / str(program.pop("matrix")))
    b = read_vector(path.parent / str(program.pop("drive")))
    if A.shape != (len(b), len(b)):
        raise InputError(
            f"{path}: circuit.program: expected {A.shape[0]} x {A.shape[0]} and {A.shape[0]} values of"
            f" the drive, got {A.shape[0]} x {A.shape[1]} and {len(b)}"
        )
    return {**program, "A": A.tolist(), "b": b.tolist()}


def to_plain(study: Study) -> dict[str, Any]:
    """Plain data that `parse_study` reads back without loss."""
    return study.model_dump(mode="json", exclude_none=True)


def to_yaml(study: Study) -> str:
    """The study as it was run: every default and every file's content."""
    return yaml.safe_dump(to_plain(study), sort_keys=False, allow_unicode=True)
