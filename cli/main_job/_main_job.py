"""The order of the stages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...files import judged, read_json
from ...netlists.simulators import versions
from ...reports import build_report
from .._exceptions import InputError
from ..forecasts import announce
from ..frame import Job, checked, state_file
from ..views import training as _training
from . import _chip_stages as _chip
from . import _loop_stages as _in_the_loop
from ._forecast import main_job_forecast
from ._state import JobSettings, State
from ._training_stages import experiments, trainings_left

Stage = Callable[[Path, JobSettings], None]

TRAINING = "training"
"""Folder of the runs, in that of the job."""

_STAGES: tuple[tuple[str, str, Stage], ...] = (
    ("draw", "draw a chip", _chip.draw),
    ("symbolic", "prove what its circuit computes", _chip.prove),
    ("spice", "ngspice: transient and noise", _chip.measure),
    (
        "calibration",
        "ngspice: programs for the calibration",
        _chip.measure_programs,
    ),
    ("fit", "calibrate the model", _chip.fit),
    (
        "heldout",
        f"ngspice: {_chip.HELDOUT_PROGRAMS} programs that the calibration does not see",
        _chip.measure_heldout,
    ),
    ("compare", "compare SPICE with the models", _chip.compare_models),
    ("fidelity", "fidelity table", _chip.check),
)
_LOOP: tuple[tuple[str, str, Stage], ...] = (
    ("loop-chip", "ngspice: a chip as large as a small network", _in_the_loop.measure_chip),
    ("loop-fit", "calibrate its model", _in_the_loop.calibrate_chip),
    ("loop", "train with ngspice in the loop", _in_the_loop.train),
    ("loop-check", "compare with training by the model", _in_the_loop.check),
)
"""Left out of a quick run."""


def main_job(state: State, this: Job) -> int:
    """Run what is not done yet; returns the exit code."""
    stages = (*_STAGES, *(() if state.settings.quick else _LOOP))
    if list(state.done) != [name for name, _, _ in stages[: len(state.done)]]:
        raise InputError(f"{state_file(state.folder)}: not as a run leaves it: stages are done one after the other")
    left = [name for name, _, _ in stages if name not in state.done]
    announce(this, main_job_forecast(left, *trainings_left(state.folder / TRAINING, state.settings)))
    for name, what, work in stages:
        state = _stage(state, this, name, what, work)
    runs = _training.run(experiments(state.folder, state.settings), this, None, resume=True, sub=TRAINING)
    table = state.folder / "fidelity.json"
    fidelity = [judged(row) for row in checked(list[dict[str, Any]], read_json(table), table)]
    passed = bool(fidelity) and all(row["passed"] for row in fidelity) and not any("stopped" in run for run in runs)
    summary: dict[str, Any] = {
        "report": str(state.folder / "report.html"),
        "fidelity": fidelity,
        "training": runs,
        "passed": passed,
        "seed": state.settings.seed,
        "quick": state.settings.quick,
        "versions": versions(),
        "stages_s": state.done,
    }
    # The report reads the summary from disk, so it is written before and, with the time of the report, after.
    code = 0 if passed else 1
    this.finish(summary, code)
    with this.step("report"):
        build_report([state.folder], state.folder / "report.html")
    this.finish(summary, code)
    return this.exit_code


def _stage(state: State, this: Job, name: str, what: str, work: Stage) -> State:
    if name in state.done:
        return state
    with this.step(what):
        return state.run(name, lambda: work(state.folder, state.settings))
