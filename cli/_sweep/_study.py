"""What a study is: a frozen, validated description that a YAML file gives."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from quantiphy import InvalidNumber, Quantity

from ...circuits import LEVELS, TOPOLOGIES, Design, Level
from ...files import first_reason
from ...netlists import Analysis
from .._errors import InputError
from ._metrics import CIRCUIT, RATIOS, TRAINING, Metric
from ._parameters import Parameter
from ._yaml import read_yaml

MOST_RUNS = 100_000


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


def _quantity(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return float(Quantity(value.strip().removesuffix("B").strip()))
    except InvalidNumber:
        raise ValueError(f"expected a number such as 60 or 2G, got {value!r}") from None


def _ratio(value: Any) -> Any:
    if isinstance(value, str) and value.strip().endswith("%"):
        return float(_quantity(value.strip()[:-1])) / 100
    return _quantity(value)


Seconds = Annotated[float, BeforeValidator(_quantity), Field(gt=0)]
Bytes = Annotated[float, BeforeValidator(_quantity), Field(gt=0)]
Number = Annotated[float, BeforeValidator(_ratio)]


class ProgramSettings(_Frozen):
    """A random program, or the one of two CSV files (which become `A` and `b`)."""

    condition: Annotated[float, Field(ge=1)] = 10.0
    symmetric: bool = True
    seed: Annotated[int, Field(ge=0)] | None = None
    """The study's seed unless given: every chip gets the same program."""
    A: tuple[tuple[float, ...], ...] | None = None
    b: tuple[float, ...] | None = None


class CircuitSettings(_Frozen):
    """One simulated chip; parameters of a study replace fields of this by their dotted names."""

    design: Design
    corner: Literal["slow", "typical", "fast"] = "typical"
    topology: str = "crossbar"
    size: int = Field(8, ge=1)
    level: Level = "macro"
    analyses: tuple[Analysis, ...] = Field(("op",), min_length=1)
    duration: Annotated[float, BeforeValidator(_quantity), Field(gt=0)] | None = None
    """Of a transient [s]; until it has settled unless given."""
    settle_tolerance: Annotated[Number, Field(gt=0, lt=1)] = 0.01
    """Settled is when the relative distance from the settled voltages stays below this."""
    mismatch: bool = True
    program: ProgramSettings = ProgramSettings()
    drive_scale: Literal["auto"] | Annotated[float, Field(gt=0)] = "auto"

    @model_validator(mode="after")
    def _known(self) -> "CircuitSettings":
        if self.topology not in TOPOLOGIES:
            raise ValueError(f"topology: expected one of {', '.join(TOPOLOGIES)}, got {self.topology!r}")
        if self.level not in LEVELS:
            raise ValueError(f"level: expected one of {', '.join(LEVELS)}, got {self.level!r}")
        if self.level != "ideal" and self.design.amplifier is None:
            raise ValueError(f"level: the design {self.design.name} has no amplifier; expected ideal")
        if len(set(self.analyses)) != len(self.analyses):
            raise ValueError(f"analyses: expected each once, got {', '.join(self.analyses)}")
        if self.program.b is not None and self.size != len(self.program.b):
            raise ValueError(f"size: the program's files set it to {len(self.program.b)}, got {self.size}")
        return self


class Limit(_Frozen):
    """What a good run keeps; a run that failed, or has no such number, is not a good one."""

    metric: str
    at_most: Number | None = None
    at_least: Number | None = None
    required_yield: Annotated[Number, Field(ge=0, le=1)] | None = None
    """The command ends with exit code 1 when fewer runs than this keep the limit."""

    @model_validator(mode="after")
    def _bounded(self) -> "Limit":
        if self.at_most is None and self.at_least is None:
            raise ValueError("expected at_most or at_least")
        if self.at_most is not None and self.at_least is not None and self.at_least > self.at_most:
            raise ValueError(f"expected at_least <= at_most, got {self.at_least} and {self.at_most}")
        return self

    def keeps(self, value: float | None) -> bool:
        """NaN and absent values do not."""
        if value is None or value != value:
            return False
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)

    @property
    def label(self) -> str:
        low = "" if self.at_least is None else f"{self.at_least:g} <= "
        high = "" if self.at_most is None else f" <= {self.at_most:g}"
        return f"{low}{self.metric}{high}"


class StopAfter(_Frozen):
    """The campaign ends when this many runs have failed."""

    stop_after: int = Field(ge=1)


class Specification(_Frozen):
    """Of a grid: for every combination of the other parameters, the largest value of one that keeps a bound."""

    loosest: str
    """The parameter; larger is looser."""
    metric: str
    at_most: Number
    """For the mean over the instances."""


class Study(_Frozen):
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
    samples: int | None = Field(None, ge=1)
    """Points of a Latin hypercube or Monte Carlo."""
    instances: int = Field(1, ge=1)
    """Chips (training: seeds) at every point, numbered from the study's seed on, the same ones at every point."""
    seed: int = Field(0, ge=0)
    timeout: Seconds = 600.0
    """Of one run [s]."""
    memory: Bytes | None = 4e9
    """That the processes of one run may hold [byte]."""
    failures: Literal["continue"] | StopAfter = "continue"
    limits: tuple[Limit, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "Study":
        blocks = {"circuit": self.circuit, "training": self.training}
        other = next(name for name in blocks if name != self.kind)
        if blocks[self.kind] is None:
            raise ValueError(f"{self.kind}: missing; a study of kind {self.kind} needs it")
        if blocks[other] is not None:
            raise ValueError(f"{other}: means nothing to a study of kind {self.kind}; remove it or change kind")
        if self.method == "grid" and self.samples is not None:
            raise ValueError("samples: a grid has as many points as its values; remove it or change method")
        if self.method != "grid" and self.samples is None:
            raise ValueError(f"samples: missing; {self.method} needs the number of points")
        if self.method != "grid" and not self.parameters:
            raise ValueError(f"parameters: missing; {self.method} needs at least one")
        for name, parameter in self.parameters.items():
            parameter.check(name, self.method)
        if self.reference is not None and self.kind != "training":
            raise ValueError("reference: only a study of kind training has one; remove it")
        self._check_specification()
        self._check_limits()
        return self

    def _check_specification(self) -> None:
        asked = self.specification
        if asked is None:
            return
        if self.method != "grid" or len(self.parameters) < 2:
            raise ValueError("specification: needs a grid of at least two parameters")
        if asked.loosest not in self.parameters:
            raise ValueError(f"specification.loosest: expected one of {', '.join(self.parameters)}")
        if asked.metric not in self.metrics:
            raise ValueError(f"specification.metric: expected one of {', '.join(self.metrics)}, got {asked.metric!r}")

    def _check_limits(self) -> None:
        known = self.metrics
        for k, limit in enumerate(self.limits):
            if limit.metric not in known:
                every = CIRCUIT if self.kind == "circuit" else {**TRAINING, **RATIOS}
                hint = f"; it needs the analysis {every[limit.metric].analysis}" if limit.metric in every else ""
                raise ValueError(f"limits.{k}.metric: expected one of {', '.join(known)}, got {limit.metric!r}{hint}")

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
        raise InputError(f"{where}: {first_reason(error)}") from None


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
