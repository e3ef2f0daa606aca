"""What one training experiment is: a frozen, validated description that a YAML file or command-line flags give."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ...files import joined, reasons
from ...files.opening import MOST_RUNS, seed_fault, shortened
from ...files.quantities import (
    Bits,
    Count,
    In,
    QuantityError,
    Ratio,
    Samples,
    Seconds,
    SquareVolt,
    Steps,
    TimeConstants,
    parse_whole,
)
from .._exceptions import ExperimentError
from ..devices.chips import Effects
from ..tasks import TASKS
from ._settings import EVERY_SETTING, OPTIMIZERS, SETTINGS, SOLVERS, SOLVERS_OF, default_solver, method_of

MOST_ROWS = 2_000_000
"""Of a run's log, which is gathered in memory at its end, some kilobytes a row."""

MOST_OF: Mapping[str, int] = {"accumulate": 100_000, "bits": 53, "iterations": 10**9, "recalibrate_every": 10**12}
"""Mini-batches of a step that somebody waits for, bits that a number has, and counts that a number holds exactly."""

MOST_NOISE = 1e6
"""Of a device [V^2]."""

LARGEST_OF: Mapping[str, float] = {"float32": 3.4028234663852886e38, "float64": 1.7976931348623157e308}
"""Numbers of each precision, by IEEE 754."""


class Experiment(BaseModel):
    """One task, one optimiser, one solver, several seeds; a setting that is None takes its tuned or default value.

    `seeds` choose initial weights, data order and noise; the chip is drawn by `device_seed`, one for all seeds, or by
    the seed itself when it is `seed`. `data` is the folder that `mnist` and `squad` read. `device` is the JSON file of
    a calibrated device model; without it the device is one of `design`: a preset's name, a YAML file, or a design's
    fields. `without` names effects that `device-spu` is free of, `rounding` is that of its program, and `correction:
    calibrated` loads programs that make up for what the calibration of `device` has found; without a `device` the chip
    that `device_seed` draws is calibrated in the run. With `step_time` [s] the chip drifts from step to step, as its
    design says; common changes are measured anew every `recalibrate_every` steps (0: never). `chip: measured` is the
    cascade of `device` itself instead of one like it. A step takes `accumulate` mini-batches of `batch_size` samples.
    `curvature: products` stores no Jacobian; `layers` keeps it as outer products, the default
    where a task allows it. `autocast` computes the forward pass in that precision. `kfac` solves with each layer's
    Kronecker factors, averaged over steps with `factor_decay`, and `bits` are those of the converters about each of its
    solves. `spice-spu` is one chip in ngspice, with as many cells as the network has parameters, and `model-spu` its
    model: the chip of `device` (with its `instance.json` beside), or one drawn from `design`. Times `t` and `delay` are
    in units of the device's time constant, `kappa0` in V^2. A run stops as diverged when a loss is not finite or
    exceeds `loss_bound` times the initial training loss.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    task: str = "digits"
    optimizer: str = "tngd"
    solver: str | None = None
    name: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._+=-]*$")
    seeds: tuple[Count, ...] = Field((0, 1, 2, 3, 4), min_length=1)
    steps: Annotated[Steps, Field(ge=1)] | None = None
    batch_size: Annotated[Samples, Field(ge=1)] | None = None
    data: Path | None = None

    lr: Annotated[Ratio, Field(gt=0)] | None = None
    schedule: Literal["constant", "cosine"] | None = None
    momentum: Annotated[Ratio, Field(ge=0, lt=1)] | None = None
    beta1: Annotated[Ratio, Field(ge=0, lt=1)] | None = None
    beta2: Annotated[Ratio, Field(ge=0, lt=1)] | None = None
    weight_decay: Annotated[Ratio, Field(ge=0)] | None = None
    damping: Annotated[Ratio, Field(gt=0)] | None = None
    t: Annotated[TimeConstants, Field(ge=0)] | None = None
    delay: Annotated[TimeConstants, Field(ge=0)] | None = None
    start: Literal["warm", "gradient", "zero"] | None = None
    kappa0: Annotated[SquareVolt, Field(ge=0)] | None = None
    tolerance: Annotated[Ratio, Field(gt=0)] | None = None
    iterations: Annotated[Count, Field(ge=1)] | None = None
    device: Path | None = None
    design: str | dict[str, Any] | None = None
    rounding: Literal["nearest", "stochastic"] | None = None
    without: tuple[str, ...] | None = None
    correction: Literal["none", "calibrated"] | None = None
    step_time: Annotated[Seconds, Field(gt=0)] | None = None
    recalibrate_every: Annotated[Steps, Field(ge=0)] | None = None
    chip: Literal["drawn", "measured"] | None = None
    factor_decay: Annotated[Ratio, Field(ge=0, lt=1)] | None = None
    bits: Annotated[Bits, Field(ge=2)] | None = None
    accumulate: Annotated[Count, Field(ge=1)] | None = None
    curvature: Literal["ggn", "fisher", "layers", "products"] | None = None
    autocast: Literal["bfloat16", "float16"] | None = None
    device_seed: Annotated[int, In("count"), Field(ge=0)] | Literal["seed"] = 0

    precision: Literal["float32", "float64"] = "float32"
    processor: str = "cpu"
    log_every: Annotated[Steps, Field(ge=1)] = 5
    test_every: Annotated[Steps, Field(ge=1)] = 25
    checkpoint_every: Annotated[Steps, Field(ge=1)] = 100
    loss_bound: Annotated[Ratio, Field(gt=1)] = 1000.0

    @model_validator(mode="after")
    def _consistent(self) -> "Experiment":
        wrong = list(self._unknown_names()) or [*self._useless(), *self._device_faults(), *self._misfits()]
        if wrong:
            raise ValueError(joined(wrong))
        return self

    def _unknown_names(self) -> Iterator[str]:
        yield from _not_among("task", self.task, TASKS)
        yield from _not_among("optimizer", self.optimizer, OPTIMIZERS)
        if self.solver is not None:
            yield from _not_among("solver", self.solver, SOLVERS)
        if self.solver in SOLVERS and self.optimizer in OPTIMIZERS:
            if self.optimizer not in SOLVERS_OF:
                yield f"solver: only the optimizers tngd and kfac take one, not {self.optimizer}"
            elif self.solver not in SOLVERS_OF[self.optimizer]:
                known = ", ".join(SOLVERS_OF[self.optimizer])
                yield f"solver: {self.optimizer} takes one of {known}, not {self.solver!r}"
        if len(set(self.seeds)) != len(self.seeds) or min(self.seeds) < 0:
            yield f"seeds: expected different non-negative integers, got {list(self.seeds)}"

    def _useless(self) -> Iterator[str]:
        useless = [name for name in self._given() if name not in SETTINGS[self.method]]
        if useless:
            known, mean = ", ".join(SETTINGS[self.method]), "means" if len(useless) == 1 else "mean"
            yield f"{', '.join(useless)}: {mean} nothing to {self.method}, which takes {known}"

    def _device_faults(self) -> Iterator[str]:
        if self.device is not None and self.design is not None:
            yield "design: a calibrated device has its own; give device or design"
        if self.correction == "calibrated" and self.chip == "measured":
            yield "correction: calibrated makes up for the deviations that chip: measured is made of"
        if self.recalibrate_every is not None and self.step_time is None:
            yield "recalibrate_every: a chip that does not drift needs none; give step_time too"
        try:
            Effects().without(*(self.without or ()))
        except ValueError as error:
            yield str(error).replace("effects:", "without:", 1)

    def _misfits(self) -> Iterator[str]:
        if self.chip == "measured" and self.device is None:
            yield "chip: measured needs device, the file of the chip's model; got none"
        if self.curvature == "products" and self.method != "conjugate-gradient":
            yield f"curvature: products needs the solver conjugate-gradient, got {self.method}"
        if self.curvature in ("layers", "products") and (self.autocast or (self.accumulate or 1) > 1):
            yield f"curvature: {self.curvature} goes with neither accumulate nor autocast; use ggn"
        if self.curvature == "layers" and self.delay:
            yield "curvature: layers goes without delay; use ggn or fisher"
        if self.autocast is not None and self.precision != "float32":
            yield f"autocast: needs precision float32, got {self.precision}"

    @field_validator("device_seed", mode="before")
    @classmethod
    def _number_of_a_chip(cls, given: Any) -> Any:
        if given == "seed":
            return given
        try:
            return parse_whole(given)
        except QuantityError:
            raise ValueError(f"expected the number of a chip, or the word seed, got {given!r}") from None

    @field_validator("processor")
    @classmethod
    def _processor_there(cls, name: str) -> str:
        import torch

        try:
            torch.empty(0, device=name)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"processor: {name!r} cannot be used here: {str(error).splitlines()[0]}") from None
        return name

    @field_validator("design")
    @classmethod
    def _design_complete(cls, design: Any) -> Any:
        if not isinstance(design, dict):
            return design
        from ...circuits import Design  # only for those who describe one here

        return Design.from_dict(design).to_dict()

    @model_validator(mode="after")
    def _fits_into_memory(self) -> "Experiment":
        rows = (self.steps or 0) // self.log_every
        if rows > MOST_ROWS:
            raise ValueError(
                f"steps: {shortened(self.steps or 0)} steps are logged in {shortened(rows)} rows, one every"
                f" {self.log_every}; expected at most {MOST_ROWS:,} rows, which take some gigabytes"
            )
        for name, most in MOST_OF.items():
            count = getattr(self, name)
            if count is not None and count > most:
                raise ValueError(f"{name}: expected at most {most:,}, got {shortened(count)}")
        if len(self.seeds) > MOST_RUNS:
            raise ValueError(f"seeds: expected at most {MOST_RUNS:,}, got {len(self.seeds):,}")
        given = [("seeds", max(self.seeds)), ("device_seed", self.device_seed)]
        for name, seed in given:
            if isinstance(seed, int) and (fault := seed_fault(seed)) is not None:
                raise ValueError(f"{name}: {fault}")
        return self

    @model_validator(mode="after")
    def _numbers_are_held(self) -> "Experiment":
        """Numbers that the precision has, and noise that a chip can have: what follows of others is not finite."""
        if self.kappa0 is not None and self.kappa0 > MOST_NOISE:
            raise ValueError(f"kappa0: expected at most {MOST_NOISE:g} V^2, a kilovolt rms, got {self.kappa0:g}")
        largest = LARGEST_OF[self.precision]
        for name in ("lr", "weight_decay", "damping", "t", "delay", "step_time", "tolerance"):
            value = getattr(self, name)
            if value is not None and math.isfinite(value) and value > largest:
                raise ValueError(f"{name}: expected at most {largest:g}, as {self.precision} has, got {value:g}")
        return self

    @property
    def method(self) -> str:
        """The key of `SETTINGS`: the solver for TNGD, `kfac-` and the solver for K-FAC, the optimiser otherwise."""
        return method_of(self.optimizer, self.solver)

    @property
    def solves(self) -> str | None:
        """The linear solver, given or by default; None for an optimiser without one."""
        return (self.solver or default_solver(self.optimizer)) if self.optimizer in SOLVERS_OF else None

    @property
    def label(self) -> str:
        """Prefix of the run's name: `name`, or task, optimiser and solver."""
        if self.name is not None:
            return self.name
        return "-".join([self.task, self.optimizer, *([self.solves] if self.solves else [])])

    def _given(self) -> tuple[str, ...]:
        return tuple(name for name in EVERY_SETTING if getattr(self, name) is not None)

    def replace(self, **changes: Any) -> "Experiment":
        """A copy with other values, validated like the original. Raises `ExperimentError`."""
        return experiment({**self.model_dump(), **changes})

    def to_yaml(self) -> str:
        plain = self.model_dump(mode="json", exclude_none=True)
        return yaml.safe_dump(plain, sort_keys=False)


def experiment(fields: Mapping[str, Any], source: str = "experiment") -> Experiment:
    """Validates `fields`; raises `ExperimentError` that names `source` and the field."""
    try:
        return Experiment(**fields)
    except ValidationError as error:
        known = f"unknown field; the fields are {', '.join(Experiment.model_fields)}"
        raise ExperimentError(f"{source}: {reasons(error, known)}") from None


def _not_among(field: str, value: str, choices: tuple[str, ...]) -> Iterator[str]:
    if value not in choices:
        yield f"{field}: expected one of {', '.join(choices)}, got {value!r}"
