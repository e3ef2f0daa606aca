"""One program of `solve`, from its options to its folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import typer
from rich.table import Table

from ...behavioral.linear_algebra import LinearDevice, ModelDevice
from ...behavioral.populations import get_device_model
from ...behavioral.programs.systems import cells_of, with_converters
from ...circuits.topologies import get_topology
from ...circuits.trials import get_chip_design, get_chip_level, get_instance, without_effect
from ...files import write_bytes, write_text
from ...files.opening import check_seed
from ...netlists.simulators import versions
from ...reports import png
from .._exceptions import InputError
from ..frame import Job, refuse_beside, written
from ..inputs import get_device, get_kind
from ..views import linear_algebra, verdicts
from ._filter import Filter
from ._inputs import Given, naming
from ._logistic import Logit
from ._options import BELONGS, DEVICE, OWN, refuse_start
from ._outcome import Outcome
from ._quadratic import Machine, Quadratic
from ._regression import Regression


@runtime_checkable
class Posed(Protocol):
    """A program with its data."""

    @property
    def cells(self) -> int:
        """That it needs."""
        ...

    def run(self, device: LinearDevice, rng: np.random.Generator) -> Outcome:
        """Run it on a device."""
        ...


POSED: Mapping[str, Callable[[Given, np.random.Generator], Posed]] = {
    "qp": Quadratic.posed,
    "svm": Machine.posed,
    "bayes": Regression.posed,
    "kalman": Filter.posed,
    "logistic": Logit.posed,
}


_EVERYWHERE = {"window": "duration"}
_HOMES: Mapping[str, Mapping[str, str]] = {
    "qp": {
        **_EVERYWHERE,
        "Q": "matrix",
        "c": "drive",
        "A": "constraints",
        "b": "right",
        "G": "inequalities",
        "h": "limits",
        "lower": "lower",
        "upper": "upper",
    },
    "svm": {**_EVERYWHERE, "X": "data", "labels": "targets", "C": "penalty", "gamma": "gamma"},
    "bayes": {
        **_EVERYWHERE,
        "X": "data",
        "y": "targets",
        "new": "new",
        "variance": "prior_variance",
    },
    "kalman": {
        **_EVERYWHERE,
        "F": "transition",
        "Q": "process_noise",
        "H": "observation",
        "R": "measurement_noise",
        "observations": "data",
    },
    "logistic": {**_EVERYWHERE, "X": "data", "labels": "targets"},
}
"""Where the quantities of a program come from."""


def run_program(this: Job, context: typer.Context, problem: str, on: str, device_file: Path | None) -> None:
    """Pose it, run it, leave its folder; exit code 1 for an answer that does not count.

    Raises:
        InputError, FileError, ProblemError, ProgramError: what cannot be posed or held.
    """
    given = {**_given(context, problem), "on": on, "device": device_file}
    seed = given["seed"]
    check_seed(seed)
    with naming(given, **_HOMES[problem]):
        posed = POSED[problem](given, np.random.default_rng([seed, 3]))
        kind = get_kind(given["on"])
        device = _device(given, kind, posed.cells, context)
        with this.step(f"{problem} on {kind}: {posed.cells} cells"):
            outcome = posed.run(with_converters(device), np.random.default_rng([seed, 2]))
    _write(this, outcome)
    _finish(this, outcome, problem, kind, given)


def _given(context: typer.Context, problem: str) -> dict[str, Any]:
    names = {parameter.name: parameter.opts[-1] for parameter in context.command.params}
    allowed = (*BELONGS[problem], *DEVICE)
    for name in written(context):
        if name in OWN and name not in allowed:
            homes = [home for home, options in BELONGS.items() if name in options]
            raise InputError(f"{names[name]}: belongs to --problem {' or '.join(homes)}, got {problem}")
    refuse_start(context, problem)
    if context.params["noise_matrix"] is not None:
        raise InputError(f"--noise-matrix: belongs to --problem lyapunov, got {problem}")
    given = dict(context.params)
    # The duration of a readout has another default than that of a record.
    given["duration"] = given["duration"] if "duration" in written(context) else None
    # Nor are as many runs worth their time in ngspice as in a model.
    given["runs"] = given["runs"] if "runs" in written(context) else None
    return given


_BESIDE_DEVICE = (*DEVICE, *OWN)


def _device(given: dict[str, Any], kind: Any, cells: int, context: typer.Context) -> Any:
    if given["device"] is not None:
        if kind != "model":
            raise InputError(f"--device: belongs to --on model, got {kind}")
        allowed = [name for name in _BESIDE_DEVICE if name not in ("design", "level", "temperature", "corner")]
        refuse_beside(context, "--device", "a calibrated chip has its own design", allowed)
        return _calibrated(given, cells)
    topology = get_topology(given["topology"], cells)
    design = get_chip_design(given["topology"], given["design"], given["temperature"], given["corner"], given["level"])
    level = get_chip_level(given["level"], design, given["topology"])
    seed = given["seed"] if given["instance_seed"] is None else given["instance_seed"]
    instance = get_instance(design, topology, seed, not given["no_mismatch"])
    device = get_device(kind, instance, level, None, given["timeout"])
    if device.answer != "mean":
        raise InputError(f"--topology {given['topology']}: a program needs a device whose mean relaxes to A^-1 b")
    return device


def _calibrated(given: dict[str, Any], cells: int) -> Any:
    device = ModelDevice(get_device_model(given["device"]))
    there = cells_of(device)
    if there is not None and there < cells:
        raise InputError(f"{given['device']}: expected a chip of at least {cells} cells, got {there}")
    if device.answer != "mean":
        raise InputError(f"{given['device']}: a program needs a device whose mean relaxes to A^-1 b")
    return device


def _write(this: Job, outcome: Outcome) -> None:
    for name, values in outcome.files.items():
        rows = np.atleast_2d(np.asarray(values).T).T if values.ndim < 2 else values
        write_text(this.folder / f"{name}.csv", "".join(",".join(map(repr, map(float, row))) + "\n" for row in rows))
    for name, draw in outcome.pictures.items():
        write_bytes(this.folder / f"{name}.png", png(draw))


def _finish(this: Job, outcome: Outcome, problem: str, kind: str, given: dict[str, Any]) -> None:
    bill = outcome.bill
    summary = {
        "problem": problem,
        "on": kind,
        **outcome.summary,
        "digital_time_s": outcome.digital_s,
        "device_time_s": outcome.seconds,
        "worth": outcome.worth,
        "pictures": [f"{name}.png" for name in outcome.pictures],
        "versions": versions(),
        **verdicts.notes(given["device"]),
    }
    if outcome.failure is not None:
        summary["failure"] = outcome.failure
    for line in _warnings(given, kind):
        this.say(f"warning: {line}")
    this.finish(summary, 0 if outcome.failure is None else 1)
    this.show(_table(outcome))
    verdicts.tell(this, given["device"])
    this.say(
        f"{bill.loads} matrices, {bill.drives} drives, {bill.analog_s:.3g} s of analog time, {bill.energy_J:.3g} J"
        + linear_algebra.over_least(bill.energy_J, bill.least_J)
    )
    this.say(outcome.worth)
    if outcome.failure is not None:
        this.stderr.print(f"thermospice solve: {outcome.failure}")


def _warnings(given: dict[str, Any], kind: str) -> list[str]:
    if given["device"] is not None or kind == "ideal":
        return []
    design = get_chip_design(given["topology"], given["design"], given["temperature"], given["corner"], given["level"])
    level = get_chip_level(given["level"], design, given["topology"])
    return list(without_effect(design, level, given["temperature"], given["corner"]))


def _table(outcome: Outcome) -> Table:
    shown = Table("entry", "device", "error bar", "digital", box=None)
    for column in shown.columns:
        column.justify = "right"
    for row in outcome.rows:
        shown.add_row(*row)
    return shown
