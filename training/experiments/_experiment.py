"""A training as a frozen, validated description, given by a YAML file or by options."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import ValidationError, field_validator, model_validator

from ...files import joined, reasons
from ...files.opening import MOST_RUNS, seed_fault, shortened
from ...files.quantities import QuantityError, parse_whole
from .._exceptions import ExperimentError
from ..devices.chips import DeviceEffects
from ..tasks import TASKS, Task
from ._fields import ExperimentFields
from ._methods import (
    EVERY_SETTING,
    OPTIMIZERS,
    SETTINGS,
    SOLVERS,
    SOLVERS_OF,
    default_solver,
    method_of,
)
from ._solver_kinds import SOLVER_KINDS

# The rows of a run's log are gathered in memory at its end, some kilobytes each.
MOST_ROWS = 2_000_000

MOST_OF: Mapping[str, int] = {
    # Mini-batches of one step, for which somebody waits.
    "accumulate": 100_000,
    # Bits of a double's mantissa: a converter with more is none.
    "bits": 53,
    # Counts that a double holds exactly, and more than anybody will see the end of.
    "iterations": 10**9,
    # Steps whose rows are kept.
    "curvature_average": 100_000,
    "recalibrate_every": 10**12,
}

# Noise of a device [V^2]: a kilovolt rms.
MOST_NOISE = 1e6

# The largest number of each precision, by IEEE 754.
LARGEST_OF: Mapping[str, float] = {
    "float32": 3.4028234663852886e38,
    "float64": 1.7976931348623157e308,
}


class Experiment(ExperimentFields):
    """One task, one optimiser, one solver, several seeds: settings that go together.

    Its fields are documented in `ExperimentFields`.
    """

    @model_validator(mode="after")
    def _consistent(self) -> "Experiment":
        faults = list(self._unknown_names())
        if not faults:
            faults = [*self._useless(), *self._device_faults(), *self._misfits()]
        if faults:
            raise ValueError(joined(faults))
        return self

    def _unknown_names(self) -> Iterator[str]:
        yield from _not_among("task", self.task, TASKS)
        yield from _not_among("optimizer", self.optimizer, OPTIMIZERS)
        if self.solver is not None:
            yield from _not_among("solver", self.solver, SOLVERS)
        if self.solver in SOLVERS and self.optimizer in OPTIMIZERS:
            yield from self._solver_of_another()
        if len(set(self.seeds)) != len(self.seeds) or min(self.seeds) < 0:
            yield f"seeds: expected different non-negative integers, got {list(self.seeds)}"

    def _solver_of_another(self) -> Iterator[str]:
        if self.optimizer not in SOLVERS_OF:
            able = " and ".join(SOLVERS_OF)
            yield f"solver: only the optimizers {able} take one, not {self.optimizer}"
        elif self.solver not in SOLVERS_OF[self.optimizer]:
            able = ", ".join(SOLVERS_OF[self.optimizer])
            yield f"solver: {self.optimizer} takes one of {able}, not {self.solver!r}"

    def _useless(self) -> Iterator[str]:
        useless = [name for name in self._given() if name not in SETTINGS[self.method]]
        if useless:
            taken = ", ".join(SETTINGS[self.method])
            mean = "means" if len(useless) == 1 else "mean"
            yield f"{', '.join(useless)}: {mean} nothing to {self.method}, which takes {taken}"

    def _device_faults(self) -> Iterator[str]:
        if self.device is not None and self.design is not None:
            yield "design: a calibrated device has its own; give device or design"
        if self.correction == "calibrated" and self.chip == "measured":
            yield ("correction: calibrated makes up for the deviations that chip: measured is made of")
        if self.recalibrate_every is not None and self.step_time is None:
            yield "recalibrate_every: a chip that does not drift needs none; give step_time too"
        try:
            DeviceEffects().without(*(self.without or ()))
        except ValueError as error:
            yield str(error).replace("effects:", "without:", 1)

    def _misfits(self) -> Iterator[str]:
        if self.epochs is not None and self.steps is not None:
            yield f"epochs: {self.epochs}, and steps: {self.steps}; expected one of them"
        if self.chip == "measured" and self.device is None:
            yield "chip: measured needs device, the file of the chip's model; got none"
        if self.curvature == "products" and not self.iterates:
            able = " or ".join(name for name, kind in SOLVER_KINDS.items() if kind.iterates)
            yield f"curvature: products needs the solver {able}, got {self.method}"
        if self.curvature == "products" and (self.curvature_rows == "sampled" or (self.curvature_average or 1) > 1):
            yield "curvature: products keeps no rows to sample or to average; use layers or ggn"
        if self.curvature_rows == "sampled" and self.curvature == "fisher":
            yield "curvature_rows: fisher has one row for each sample as it is; leave it out"
        if self.curvature_decay is not None and (self.curvature_average or 1) == 1:
            yield "curvature_decay: is of several steps; give curvature_average too"
        if self.curvature in ("layers", "products") and self._splits_a_batch:
            yield f"curvature: {self.curvature} goes with neither accumulate nor autocast; use ggn"
        if self.optimizer == "tngd" and self.momentum and not self.beta1 is self.beta2 is None:
            yield "momentum: goes with neither beta1 nor beta2, which have one of their own"
        if self.levenberg_marquardt and self.damping_last is not None:
            yield "damping_last: Levenberg-Marquardt chooses the damping by itself; give one of the two"
        if self.autocast is not None and self.precision != "float32":
            yield f"autocast: needs precision float32, got {self.precision}"

    @property
    def _splits_a_batch(self) -> bool:
        return self.autocast is not None or (self.accumulate or 1) > 1

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
            reason = str(error).splitlines()[0]
            raise ValueError(f"processor: {name!r} cannot be used here: {reason}") from None
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
        log_every = self.log_every or Task.log_every
        rows = (self.steps or 0) // log_every
        if rows > MOST_ROWS:
            raise ValueError(
                f"steps: {shortened(self.steps or 0)} steps are logged in {shortened(rows)} rows,"
                f" one every {log_every}; expected at most {MOST_ROWS:,} rows,"
                " which take some gigabytes"
            )
        for name, most in MOST_OF.items():
            count = getattr(self, name)
            if count is not None and count > most:
                raise ValueError(f"{name}: expected at most {most:,}, got {shortened(count)}")
        return self

    @model_validator(mode="after")
    def _seeds_are_held(self) -> "Experiment":
        if len(self.seeds) > MOST_RUNS:
            raise ValueError(f"seeds: expected at most {MOST_RUNS:,}, got {len(self.seeds):,}")
        for name, seed in (("seeds", max(self.seeds)), ("device_seed", self.device_seed)):
            fault = seed_fault(seed) if isinstance(seed, int) else None
            if fault is not None:
                raise ValueError(f"{name}: {fault}")
        return self

    @model_validator(mode="after")
    def _numbers_are_held(self) -> "Experiment":
        """Numbers that the precision has, and noise that a chip can have.

        What follows of others is not finite.
        """
        if self.kappa0 is not None and self.kappa0 > MOST_NOISE:
            raise ValueError(f"kappa0: expected at most {MOST_NOISE:g} V^2, a kilovolt rms, got {self.kappa0:g}")
        largest = LARGEST_OF[self.precision]
        for name in ("lr", "weight_decay", "damping", "damping_last", "t", "delay", "step_time", "tolerance"):
            value = getattr(self, name)
            if value is not None and math.isfinite(value) and value > largest:
                raise ValueError(f"{name}: expected at most {largest:g}, as {self.precision} has, got {value:g}")
        return self

    @property
    def method(self) -> str:
        """The key of `SETTINGS`.

        The solver for TNGD, `kfac-` and the solver for K-FAC, the optimiser otherwise.
        """
        return method_of(self.optimizer, self.solver)

    @property
    def solves(self) -> str | None:
        """The linear solver, given or by default; None for an optimiser without one."""
        if self.optimizer not in SOLVERS_OF:
            return None
        return self.solver or default_solver(self.optimizer)

    @property
    def iterates(self) -> bool:
        """Whether the solver iterates: it needs no stored Jacobian, and every step costs anew."""
        return self.solves is not None and SOLVER_KINDS[self.solves].iterates

    @property
    def loads_arrays(self) -> bool:
        """Whether a device is loaded with J as it is."""
        return self.solves is not None and SOLVER_KINDS[self.solves].loaded

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
        """The description as a file that `load_experiment` reads."""
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
