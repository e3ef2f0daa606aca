"""The verdict on trainings: who was trained, with which settings, who stopped, and who is ahead."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..results import QUANTITIES, Folder, MeanOverSeeds, TuningSummary, analog, label, losses, outcomes, stopped_of
from ..wording import amount, listed
from ._verdict import Verdict

_MOST_TOLD = 5
_MOST_COMPARED = 8


def trained(folder: Folder) -> Verdict:
    """Verdict of `train`."""
    if "chosen" in folder.summary:
        return _tuned(folder)
    runs = folder.runs
    tasks = list(dict.fromkeys(str(run["task"]) for run in runs if run.get("task")))
    names = list(dict.fromkeys(label(run) for run in runs))
    seeds = len({run.get("seed") for run in runs})
    many = f"{seeds} seeds" if seeds != 1 else "1 seed"
    asked = f"How far does {listed(names[:_MOST_COMPARED])} come on {listed(tasks) or 'the task'}, over {many}?"
    found = Verdict(asked) + outcome(runs)
    return found if found.failed else found + Verdict("", next=(_rival(tasks, runs),))


def _tuned(folder: Folder) -> Verdict:
    """Of settings that were chosen on validation data."""
    summary = folder.summary_as(TuningSummary)
    task = summary.get("task", "TASK")
    found = {
        name: float(chosen["validation_loss"])
        for name, chosen in (summary.get("chosen") or {}).items()
        if isinstance(chosen.get("validation_loss"), int | float)
    }
    told = ", ".join(f"{name} {amount(loss)}" for name, loss in sorted(found.items(), key=lambda pair: pair[1]))
    notes = (f"Validation loss with the chosen settings, the lowest first: {told}.",) if found else ()
    use = f"Train with the best of them: `{_command(folder.path, summary)}`."
    return Verdict(f"Which settings suit each optimiser on {task}?", notes=notes, next=(use,))


def _command(folder: Path, summary: Mapping[str, Any]) -> str:
    """The training with the best method of a tuning; folders of earlier versions do not name its options."""
    settings = shlex.quote(str(folder / summary.get("settings", "TASK.yaml")))
    best = summary.get("best") or {"optimizer": "OPTIMIZER"}
    options = [f"--{name} {shlex.quote(best[name])}" for name in ("optimizer", "solver") if name in best]
    return " ".join(["thermospice train --config", settings, *options])


def _rival(tasks: Sequence[str], runs: Sequence[Mapping[str, Any]]) -> str:
    task = tasks[0] if tasks else "TASK"
    other = "adam" if all(run.get("optimizer") != "adam" for run in runs) else "tngd"
    few = "more --seeds, and " if len({run.get("seed") for run in runs}) < _ENOUGH else ""
    return f"Compare it: {few}the same task by another optimiser, thermospice train {task} --optimizer {other}."


_ENOUGH = 5
"""Seeds from which an interval of a mean is less than three standard errors wide to each side."""


def outcome(runs: Sequence[Mapping[str, Any]]) -> Verdict:
    """Which runs ended as they should, and where."""
    stopped = [run for run in runs if "stopped" in run]
    good = len(runs) - len(stopped)
    passed = (f"{good} of {len(runs)} runs ended after their steps.",) if good else ()
    failed = [f"{run['run']} stopped: {run['stopped']}." for run in stopped[:_MOST_TOLD]]
    if len(stopped) > _MOST_TOLD:
        failed.append(f"And {len(stopped) - _MOST_TOLD} more runs stopped.")
    warnings = tuple(dict.fromkeys(_sentence(str(run["warning"])) for run in runs if run.get("warning")))
    advice = [
        "Lower the learning rate (--lr) or raise the damping (--damping); the last good weights of a run are in its"
        " folder, checkpoint.pt."
    ]
    return Verdict("", passed, tuple(failed), (*_ends(runs), *warnings), tuple(advice if stopped else ()))


def _ends(runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = list(dict.fromkeys(label(run) for run in runs))
    if len(names) > _MOST_COMPARED:
        return
    stopped = stopped_of(runs)
    for quantity, what in (("test_accuracy", "Test accuracy"), ("train_loss", "Final training loss")):
        found = outcomes(runs, quantity)
        if not found:
            continue
        told = "; ".join(
            f"{name} {_shown(quantity, value)}{_survivors(stopped.get(name, 0))}" for name, value in found.items()
        )
        seeds = min(value.seeds for value in found.values())
        over = f" (mean ± 95 % over {seeds} seeds)" if seeds > 1 else " (one seed)"
        yield f"{what}{over}: {told}."
    behind = sorted({QUANTITIES[item.quantity][0] for item in losses(runs, analog(runs))})
    if behind:
        yield f"TNGD is behind the best rival in: {', '.join(behind)}."


def _survivors(stopped: int) -> str:
    return f" (of the others: {stopped} stopped)" if stopped else ""


def _shown(quantity: str, value: MeanOverSeeds) -> str:
    spread = value.high - value.mean
    many = value.seeds > 1 and spread > 1e-9 * abs(value.mean)
    if quantity.endswith("accuracy"):
        return f"{100 * value.mean:.2f}{f' ± {100 * spread:.2f}' if many else ''} %"
    return f"{value.mean:.3g}{f' ± {spread:.2g}' if many else ''}"


_FIELDS = {
    "task": "task",
    "optimizer": "optimiser",
    "solver": "solver",
    "lr": "learning rate",
    "damping": "damping",
    "t": "analog time of a step, t",
    "delay": "delay",
    "batch_size": "batch",
    "steps": "steps",
    "curvature": "curvature",
    "device": "device",
    "design": "design",
    "device_seed": "seed of the device",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How each optimiser was set, tuned values included."""

    common: str = ""
    """What several of them share; empty where there is one."""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def settings(folder: Folder) -> Settings:
    """Settings of a folder's trainings; no rows where the folders do not say."""
    named: dict[str, Mapping[str, Any]] = {}
    for run in folder.runs:
        if label(run) not in named:
            named[label(run)] = folder.settings_of(str(run["run"]))
    found = {name: fields for name, fields in list(named.items())[:_MOST_SET] if fields}
    used = [key for key in _FIELDS if any(fields.get(key) is not None for fields in found.values())]
    values = {key: [_setting(key, fields.get(key)) for fields in found.values()] for key in used}
    # What all share needs no column: there are more settings than a page is wide.
    shared = [key for key in used if len(found) > 1 and len(set(values[key])) == 1]
    own = [key for key in used if key not in shared]
    rows = tuple((name, *(values[key][k] for key in own)) for k, name in enumerate(found))
    common = ", ".join(f"{_FIELDS[key]} {values[key][0]}" for key in shared)
    return Settings(common, ("run", *(_FIELDS[key] for key in own)), rows)


_MOST_SET = 12


def _setting(key: str, value: Any) -> str:
    if value is None:
        return "–"
    if key == "t":
        return f"{value:g} time constants"
    if key in ("device", "design") and isinstance(value, str):
        return "/".join(Path(value).parts[-2:])
    return amount(float(value)) if isinstance(value, float) else str(value)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
