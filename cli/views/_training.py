"""Training runs of the command line: from options to experiments, and back from entries to tables."""

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from ...files.opening import check_count, check_seed
from ...reports.results import MedianOverSeeds, ToTarget, to_target
from ...reports.wording import counted, median_text
from ...training import Experiment, experiment, load_experiment, run_experiments, tune
from ...training.experiments import anchored, fields_of_method, read_mapping, with_defaults
from ...training.experiments.tunings import is_tuning
from ...training.parallel import started_among_others
from ...training.runs import Tuned, TuningBudget, follow_experiments
from ...training.tasks import TASKS, Task, load_task
from .._exceptions import InputError
from ..frame import Job, checked, load_state, save_state, state_file


def requested(config: Path | None, given: Mapping[str, Any], seed: int | None, seeds: int | None) -> Experiment:
    """The experiment that file and options describe; options win. `seed` None: not given, and as 0.

    Without any option of seeds it trains those of an experiment's file, and else one: a tuning names none.

    Raises:
        ExperimentError: an unknown setting or value.
        InputError: no task, or too many seeds.
    """
    wanted = {key: value for key, value in given.items() if value is not None}
    first = seed or 0
    check_seed(first)
    check_count("seeds", seeds or 1)
    if seeds is not None or seed is not None or config is None or is_tuning(read_mapping(config)):
        wanted["seeds"] = tuple(range(first, first + (seeds or 1)))
    if config is not None:
        return load_experiment(config, **wanted)
    if "task" not in wanted:
        raise InputError(f"TASK: expected one of {', '.join(TASKS)} (or --config, or --resume)")
    return experiment(wanted, "options")


def remember(folder: Path, what: Experiment) -> None:
    """Leave what `--resume` needs, where the run can begin at all."""
    started_among_others()
    save_state(folder, "train", {"experiment": anchored(what).model_dump(mode="json", exclude_none=True)})


def resumed(folder: Path, given: Mapping[str, Any]) -> Experiment:
    """The experiment of an interrupted run.

    Raises:
        InputError: the folder is not one of this command, or options that would change the run.
    """
    extra = [name for name, value in given.items() if value is not None]
    if extra:
        raise InputError(f"--resume goes on with the options of the first run; remove {', '.join(extra)}")
    found = load_state(folder, "train")
    if "tuning" in found:
        raise InputError(f"{folder}: holds a tuning; go on with it by --tune TASK --resume {folder}")
    stored = checked(dict[str, Any], found.get("experiment"), state_file(folder))
    if lacking := {"task", "optimizer", "seeds"} - stored.keys():
        raise InputError(f"{state_file(folder)}: not as a run leaves it: without {', '.join(sorted(lacking))}")
    return experiment(stored, str(state_file(folder)))


def run(
    experiments: Sequence[Experiment], this: Job, workers: int | None, resume: bool, sub: str = ""
) -> list[dict[str, Any]]:
    """Train in the job's folder (or a folder in it), on the cores of this machine."""
    with this.step(f"training: {counted(sum(len(e.seeds) for e in experiments), 'run')}", bar=False):
        return run_experiments(
            experiments, this.folder / sub, resume=resume, workers=workers, quiet=this.quiet, tell=this.say
        )


def follow(config: Path | None, given: Mapping[str, Any], resume: Path | None) -> None:
    """Take part in the run of torchrun's first process, which reads, writes and decides."""
    made = requested(config, given, None, None) if resume is None else resumed(resume, {})
    follow_experiments(made.processor)


_OF_BUDGET = ("steps", "batch_size", "train_size", "schedule")
"""Options that a tuning has beside those of its task: what all of its runs have in common."""


def tuning(
    given: Mapping[str, Any], trials: int | None, this: Job, workers: int | None, resume: bool
) -> dict[str, Any]:
    """Tune every optimiser on a task; with `--resume` the trials that are done are kept.

    Raises:
        InputError: no task, or settings that the tuning itself chooses.
        ExperimentError, TaskError: the task cannot be loaded.
    """
    known = ("task", "data", "epochs", *_OF_BUDGET)
    extra = [name for name, value in given.items() if value is not None and name not in known]
    if extra:
        raise InputError(f"--tune: chooses the settings itself; remove {', '.join(extra)}")
    if started_among_others():
        raise InputError("--tune: runs on the cores of one machine by itself; start it without torchrun")
    if given["task"] is None:
        raise InputError(f"TASK: --tune expects one of {', '.join(TASKS)}")
    task = given["task"]
    data = given["data"]
    asked = {"task": task, "data": None if data is None else str(data.absolute()), **_budget(given, trials)}
    if resume and load_state(this.folder, "train").get("tuning") != asked:
        raise InputError(
            f"{this.folder}: --tune --resume expects the folder of a tuning of this task on the same data, with the "
            "same budget"
        )
    loaded = load_task(task, data)
    budget = _checked_budget(given, trials, loaded)
    save_state(this.folder, "train", {"tuning": asked})
    with this.step(f"tuning on {task}, {counted(budget.steps or 0, 'step')}", bar=False):
        found = tune(
            task,
            this.folder,
            task=loaded,
            data=data,
            budget=budget,
            workers=workers,
            quiet=this.quiet,
            tell=this.say,
        )
    settings = this.folder / f"{task}.yaml"
    ranked = sorted(found, key=lambda one: one.validation_loss)
    best = _method_fields(ranked[0])
    this.show(tuned_table(ranked))
    options = " ".join(f"--{name} {value}" for name, value in best.items())
    this.say(f"to train with the best of them: thermospice train --config {shlex.quote(str(settings))} {options}")
    return {
        "task": task,
        "settings": settings.name,
        "steps": budget.steps,
        "best": best,
        **_found(found),
        **_left_out(settings),
    }


def _method_fields(one: Tuned) -> dict[str, str]:
    """Optimiser and, where it has one, solver: options that choose its settings out of the file."""
    return {name: value for name, value in fields_of_method(one.method).items() if value is not None}


def tuned_table(tuned: Sequence[Tuned]) -> Table:
    """What was chosen of each method, for a person."""
    shown = Table("method", "validation_loss", "settings", box=None)
    for one in tuned:
        chosen = ", ".join(f"{name} {_cell(value)}" for name, value in one.chosen.items())
        shown.add_row(one.method, _cell(one.validation_loss), chosen)
    return shown


def _budget(given: Mapping[str, Any], trials: int | None) -> dict[str, Any]:
    """What was asked of the budget, by options."""
    wanted = {**{name: given[name] for name in (*_OF_BUDGET, "epochs")}, "trials": trials}
    return {name: value for name, value in wanted.items() if value is not None}


def _checked_budget(given: Mapping[str, Any], trials: int | None, task: Task) -> TuningBudget:
    """The budget with its number of steps.

    Raises:
        ExperimentError, TaskError: its steps, batches or schedule are none of an experiment.
    """
    wanted = _budget(given, None)
    plain = with_defaults(experiment({"task": given["task"], "optimizer": "sgd", **wanted}, "options"), task)
    kept: dict[str, Any] = {name: value for name, value in wanted.items() if name != "epochs"}
    kept |= {"steps": plain.steps} if trials is None else {"steps": plain.steps, "trials": trials}
    return TuningBudget(**kept)


def _found(tuned: Sequence[Tuned]) -> dict[str, Any]:
    """What was chosen, and when the runs with it had come to the loss that all came to."""
    chosen = {one.method: {**one.chosen, "validation_loss": one.validation_loss} for one in tuned}
    reached = {
        one.method: [
            None if r is None else {"steps": r.step, "last_step_above": r.above, "modelled_time_s": r.modelled_time_s}
            for r in one.reached
        ]
        for one in tuned
    }
    return {"chosen": chosen, "target_loss": tuned[0].target_loss, "reached": reached}


def _left_out(settings: Path) -> dict[str, Any]:
    """Methods that the task does not let train, and why."""
    why = read_mapping(settings).get("left_out")
    return {} if why is None else {"left_out": why}


_MOST_TOLD = 5
"""Runs whose reasons are told one by one."""


def summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The entries; those of a single run also stand at the top. When they came to their target, if they had one."""
    found = {**(runs[0] if len(runs) == 1 else {}), "runs": list(runs)}
    targets = [
        {"optimizer": name, "target_loss": target, **_of_target(one)}
        for target, by_name in to_target(runs).items()
        for name, one in by_name.items()
    ]
    return {**found, "to_target": targets} if targets else found


def _of_target(one: ToTarget) -> dict[str, Any]:
    return {
        "reached": one.reached,
        "seeds": one.steps.seeds,
        **({} if one.apart is None else {"looked_at_every": one.apart}),
        "steps": _finite(one.steps),
        "modelled_time_s": _finite(one.time),
    }


def _finite(median: MedianOverSeeds) -> dict[str, float | None]:
    """With None for never, which JSON has no number for."""
    found = {name: getattr(median, name) for name in ("median", "low", "high", "coverage")}
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def table(runs: Sequence[Mapping[str, Any]]) -> Table:
    """Final values for a person."""
    columns = ["run", "steps", "train_loss", "test_loss", "test_accuracy", "elapsed_s"]
    columns += ["steps_to_target"] if any("target_loss" in entry for entry in runs) else []
    columns += ["policy_acted"] if any(entry.get("policy_acted") for entry in runs) else []
    shown = Table(*columns, box=None)
    shown.columns[0].overflow = "fold"  # names differ in their ends
    for entry in runs:
        shown.add_row(*(_cell(entry.get(name)) for name in columns))
    return shown


def told(runs: Sequence[Mapping[str, Any]], folder: Path) -> list[str]:
    """What to know of the runs' device, why runs stopped, and what is left of them."""
    stopped = [entry for entry in runs if "stopped" in entry]
    lines = [f"warning: {text}" for text in dict.fromkeys(entry["warning"] for entry in runs if "warning" in entry)]
    lines += [_came(target, one) for target, found in to_target(runs).items() for one in found.values()]
    lines += _settings_of(runs)
    lines += [_acted(entry) for entry in runs if entry.get("policy_acted")][:_MOST_TOLD]
    lines += [f"{entry['run']} stopped: {entry['stopped']}" for entry in stopped[:_MOST_TOLD]]
    if len(stopped) > _MOST_TOLD:
        lines.append(f"and {len(stopped) - _MOST_TOLD} more, see {folder / 'runs.jsonl'}")
    if stopped:
        lines.append(f"the last good weights are in {folder / str(stopped[0]['run']) / 'checkpoint.pt'}")
    return lines


def _came(target: float, one: ToTarget) -> str:
    if not one.reached:
        return f"no run came to a validation loss of {target:.4g}"
    return (
        f"{one.reached} of {one.steps.seeds} runs came to a validation loss of {target:.4g}: median"
        f" {_median(one.steps)} steps, modelled time {_median(one.time, 's')}"
    )


def _median(found: MedianOverSeeds, unit: str = "") -> str:
    return median_text(found.median, found.low, found.high, unit)


def _settings_of(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where settings come from that were tuned for another number of steps."""
    other = {(run["tuned_for"], run["steps"]) for run in runs if "tuned_for" in run and "stopped" not in run}
    return [
        f"settings left open are those tuned for {tuned} steps; this run has {steps}"
        for tuned, steps in sorted(other)
        if tuned != steps
    ]


def _acted(entry: Mapping[str, Any]) -> str:
    return (
        f"{entry['run']}: the device's loop would have rung up in {entry['policy_acted']:.0f} of"
        f" {entry['steps']} steps; its policy acted, and the last damping was {entry['damping']:.3g}"
    )


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
