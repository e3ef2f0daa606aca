"""Training runs of the command line: from options to experiments, and back from entries to tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from ...files.opening import check_count, check_seed
from ...training import Experiment, experiment, load_experiment, run_experiments, tune
from ...training.experiments import anchored
from ...training.parallel import started_among_others
from ...training.runs import follow_experiments
from ...training.tasks import TASKS
from .._exceptions import InputError
from ..frame import Job, checked, load_state, save_state, state_file


def requested(config: Path | None, given: Mapping[str, Any], seed: int, seeds: int | None) -> Experiment:
    """The experiment that file and options describe; options win.

    Raises:
        ExperimentError: an unknown setting or value.
        InputError: no task, or too many seeds.
    """
    wanted = {key: value for key, value in given.items() if value is not None}
    check_seed(seed)
    check_count("seeds", seeds or 1)
    if seeds is not None or seed != 0 or config is None:
        wanted["seeds"] = tuple(range(seed, seed + (seeds or 1)))
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
    with this.step(f"training: {sum(len(e.seeds) for e in experiments)} runs", bar=False):
        return run_experiments(
            experiments, this.folder / sub, resume=resume, workers=workers, quiet=this.quiet, tell=this.say
        )


def follow(config: Path | None, given: Mapping[str, Any], resume: Path | None) -> None:
    """Take part in the run of torchrun's first process, which reads, writes and decides."""
    made = requested(config, given, 0, None) if resume is None else resumed(resume, {})
    follow_experiments(made.processor)


def tuning(given: Mapping[str, Any], this: Job, workers: int | None, resume: bool) -> dict[str, Any]:
    """Tune every optimiser on a task; with `--resume` the trials that are done are kept.

    Raises:
        InputError: no task, or settings that the tuning itself chooses.
        ExperimentError, TaskError: the task cannot be loaded.
    """
    extra = [name for name, value in given.items() if value is not None and name not in ("task", "data")]
    if extra:
        raise InputError(f"--tune: chooses the settings itself; remove {', '.join(extra)}")
    if started_among_others():
        raise InputError("--tune: runs on the cores of one machine by itself; start it without torchrun")
    if given["task"] is None:
        raise InputError(f"TASK: --tune expects one of {', '.join(TASKS)}")
    asked = {"task": given["task"], "data": None if given["data"] is None else str(given["data"].absolute())}
    if resume and load_state(this.folder, "train").get("tuning") != asked:
        raise InputError(f"{this.folder}: --tune --resume expects the folder of a tuning of this task on the same data")
    save_state(this.folder, "train", {"tuning": asked})
    with this.step(f"tuning on {given['task']}", bar=False):
        found = tune(given["task"], this.folder, data=given["data"], workers=workers, quiet=this.quiet)
    chosen = {one.method: {**one.chosen, "validation_loss": one.validation_loss} for one in found}
    return {"task": given["task"], "settings": f"{given['task']}.yaml", "chosen": chosen}


_MOST_TOLD = 5
"""Runs whose reasons are told one by one."""


def summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The entries; those of a single run also stand at the top."""
    return {**(runs[0] if len(runs) == 1 else {}), "runs": list(runs)}


def table(runs: Sequence[Mapping[str, Any]]) -> Table:
    """Final values for a person."""
    columns = ["run", "steps", "train_loss", "test_loss", "test_accuracy", "elapsed_s"]
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
    lines += [_acted(entry) for entry in runs if entry.get("policy_acted")][:_MOST_TOLD]
    lines += [f"{entry['run']} stopped: {entry['stopped']}" for entry in stopped[:_MOST_TOLD]]
    if len(stopped) > _MOST_TOLD:
        lines.append(f"and {len(stopped) - _MOST_TOLD} more, see {folder / 'runs.jsonl'}")
    if stopped:
        lines.append(f"the last good weights are in {folder / str(stopped[0]['run']) / 'checkpoint.pt'}")
    return lines


def _acted(entry: Mapping[str, Any]) -> str:
    return (
        f"{entry['run']}: the device's loop would have rung up in {entry['policy_acted']:.0f} of"
        f" {entry['steps']} steps; its policy acted, and the last damping was {entry['damping']:.3g}"
    )


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
