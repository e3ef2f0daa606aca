"""A campaign from the study file to the pictures: what is done already is not done again."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from .._errors import InputError
from .._folder import write_bytes, write_text
from .._job import Job
from .._resuming import interpreting, load_state, save_state, state_file
from .._versions import versions
from . import _statistics
from ._executor import check, executor
from ._reference import unfinished, with_ratios
from ._runner import Progressed, Stopped, perform
from ._specification import specification, write_specification
from ._store import Record, Store, alone_in
from ._study import StopAfter, Study, load_study, parse_study, to_plain, to_yaml
from ._table import engines, write_dataset, write_table
from ._tasks import Plan, plan

_MOST_LISTED = 20
_FEW = 5
"""Runs whose interval is wider than the eye takes from their scatter: Student's t of four is 1.6 times the normal's."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the campaign is carried out; nothing here changes a number."""

    resume: bool = False
    scheduler: str | None = None
    workers: int | None = None
    retry_failed: bool = False


def campaign(this: Job, path: Path | None, seed: int | None, options: Options) -> None:
    """Perform a study in the job's folder.

    Raises:
        InputError: a study that cannot be done, a folder that is not one of a sweep.
        SimulatorMissing: there is no ngspice.
    """
    check(options.scheduler, options.workers)
    if options.retry_failed and not options.resume:
        raise InputError("--retry-failed: a new campaign has no failed runs; give the folder of one with --resume")
    study, where = _study(this.folder, path, seed, options.resume)
    what = plan(study, where)
    if study.kind == "circuit" and options.scheduler is None:
        from ...netlists import proven_ngspice

        proven_ngspice()
    with alone_in(this.folder):
        save_state(this.folder, "sweep", {"study": to_plain(study)})
        write_text(this.folder / "study.yaml", to_yaml(study))
        with Store.opened(this.folder) as store:
            _carry_out(this, study, what, store, options)


def _study(folder: Path, path: Path | None, seed: int | None, resume: bool) -> tuple[Study, str]:
    found = load_state(folder, "sweep") if resume else {}
    if path is None:
        if not resume:
            raise InputError("STUDY: expected the path of a study (a .yaml file), or --resume")
        if seed is not None:
            raise InputError("--seed: a campaign goes on with the seed of its study; remove it")
        with interpreting(state_file(folder)):
            return parse_study(found["study"], str(state_file(folder))), str(state_file(folder))
    study = load_study(path)
    # A study is frozen; another seed is another study.
    return (study if seed is None else parse_study({**to_plain(study), "seed": seed}, str(path))), str(path)


def _carry_out(this: Job, study: Study, what: Plan, store: Store, options: Options) -> None:
    every = (*what.runs, *what.references)
    known = {key: record for key in {run.key for run in every} if (record := store.get(key)) is not None}
    if options.retry_failed:
        known = {key: record for key, record in known.items() if record["status"] == "done"}
    reused, outcome = len(known), "complete"
    waiting = {run.key: run.task for run in every if run.key not in known}
    this.say(f"{study.name}: {len(every)} runs, {len(waiting)} to do")
    failed = sum(record["status"] == "failed" for record in known.values())
    try:
        _perform(this, study, waiting, store, known, failed, options)
    except Stopped as stopped:
        outcome = "stopped"
        this.say(f"{stopped}; go on with --resume {this.folder} --retry-failed")
    except KeyboardInterrupt:
        _report(this, study, what, known, reused, "interrupted")
        raise
    _report(this, study, what, known, reused, outcome)
    this.show(_shown(study, this.summary))
    for line in _told(this.summary):
        this.say(line)


def _perform(
    this: Job,
    study: Study,
    waiting: Mapping[str, Any],
    store: Store,
    known: dict[str, Record],
    failed: int,
    options: Options,
) -> None:
    most = study.failures.stop_after if isinstance(study.failures, StopAfter) else None
    if not waiting:
        return
    if most is not None and failed >= most:
        raise Stopped(f"{failed} runs have failed, and the study stops after {most}")

    def keep(record: Record) -> None:
        # As it is kept it has no numbers that are not finite: as in a campaign that was resumed.
        known[record["key"]] = store.put(record)

    store.check_writable()
    name = f"{study.name}-{secrets.token_hex(4)}"
    training = this.folder.absolute() / "training" if study.kind == "training" else None
    if training is not None:
        training.mkdir(exist_ok=True)
    requests = (
        {
            "key": key,
            "task": task,
            "timeout": study.timeout,
            "memory": study.memory,
            "campaign": name,
            "folder": str(training / key[:16]) if training is not None else None,
        }
        for key, task in waiting.items()
    )
    with _progress(this, len(waiting)) as progressed, executor(options.scheduler, options.workers, name) as workers:
        perform(requests, workers, keep, progressed, most, failed)


@contextmanager
def _progress(this: Job, total: int) -> Iterator[Progressed]:
    if this.quiet or not this.stderr.is_terminal:
        yield lambda done, failed: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=this.stderr, transient=True) as bar:
        task = bar.add_task("runs", total=total)

        def progressed(done: int, failed: int) -> None:
            bar.update(task, completed=done, description=f"runs ({failed} failed)" if failed else "runs")

        yield progressed


def _report(this: Job, study: Study, what: Plan, known: Mapping[str, Record], reused: int, outcome: str) -> None:
    """Table, array file, pictures and summary of what is done."""
    records = with_ratios(study, what, known)
    write_table(this.folder / "table.csv", study, what, records)
    write_dataset(this.folder / "results.nc", study, what, records)
    if study.kind == "training":
        from ._curves import gather

        gather(this.folder, study, what, records)
    pictures: list[str] = []
    if outcome != "interrupted":
        from ._figures import draw

        for name, content in draw(study, what, records).items():
            write_bytes(this.folder / name, content)
            pictures.append(name)
    summary = _summary(study, what, records)
    if lacking := unfinished(what, known):
        summary["references_missing"] = [run.chip for run in lacking]
    if study.specification is not None:
        summary["specification"] = specification(study, study.specification, what, records)
        write_specification(this.folder / "specification.csv", summary["specification"])
    this.finish(
        {**summary, "outcome": outcome, "reused": reused, "pictures": pictures, "table": "table.csv"},
        exit_code=_exit_code(summary, outcome),
    )


def _summary(study: Study, what: Plan, records: Sequence[Record | None]) -> dict[str, Any]:
    finished = [record for record in records if record is not None]
    failures = [(run, record) for run, record in zip(what.runs, records, strict=True) if record and "reason" in record]
    return {
        "study": study.name,
        "kind": study.kind,
        "method": study.method,
        "seed": study.seed,
        "runs": len(records),
        "done": sum(record["status"] == "done" for record in finished),
        "failed": sum(record["status"] == "failed" for record in finished),
        "missing": len(records) - len(finished),
        **_overall(study, what, finished),
        "points": _points(study, what, records),
        "failures": [{"run": run.index, **run.values, "reason": r["reason"]} for run, r in failures[:_MOST_LISTED]],
        "units": {name: metric.unit for name, metric in study.metrics.items()},
        "engine": engines(finished),
        "versions": versions(),
        "work_s": sum(float(record.get("elapsed_s", 0.0)) for record in {r["key"]: r for r in finished}.values()),
    }


def _overall(study: Study, what: Plan, finished: Sequence[Record]) -> dict[str, Any]:
    """Statistics of all runs. The settings of a grid are no sample of anything: their mean has no interval."""
    found = _statistics.summary(study, finished)
    if study.method == "grid" and len(what.points) > 1:
        ends = ("mean_low", "mean_high")
        found["metrics"] = {
            name: {key: value for key, value in metric.items() if key not in ends}
            for name, metric in found["metrics"].items()
        }
    return found


def _points(study: Study, what: Plan, records: Sequence[Record | None]) -> list[dict[str, Any]]:
    """Statistics at every point, where there are several chips at each."""
    if study.instances == 1 or len(what.points) == 1:
        return []
    found = []
    for p, values in enumerate(what.points):
        here = [r for run, r in zip(what.runs, records, strict=True) if run.point == p and r is not None]
        found.append({"parameters": dict(values), **_statistics.summary(study, here)})
    return found


def _exit_code(summary: Mapping[str, Any], outcome: str) -> int:
    short = any(
        limit.get("yield", 0.0) < limit["required_yield"]
        for limit in summary.get("limits", ())
        if "required_yield" in limit
    )
    short = short or (bool(summary.get("references_missing")) and outcome == "complete")
    return 1 if short or summary["failed"] or outcome == "stopped" else 0


def _shown(study: Study, summary: Mapping[str, Any]) -> Group:
    """What fits into 80 columns: statistics of the metrics, and yields of the limits."""
    metrics = Table("metric", "mean", "± (95 %)", "median", "lowest", "highest", box=None)
    for column in metrics.columns[1:]:
        column.no_wrap = True
    for name, found in summary["metrics"].items():
        unit = study.metrics[name].unit
        half = f"{(found['mean_high'] - found['mean_low']) / 2:.2g}" if "mean_low" in found else "–"
        numbers = [f"{found[key]:.4g}" for key in ("mean", "median", "min", "max")]
        metrics.add_row(name if unit == "1" else f"{name} ({unit})", numbers[0], half, *numbers[1:])
    limits = Table("limit", "yield", "95 % interval", "runs", box=None)
    for limit, found in zip(study.limits, summary.get("limits", ()), strict=True):
        interval = f"{found['yield_low']:.1%} .. {found['yield_high']:.1%}"
        limits.add_row(limit.label, f"{found.get('yield', 0.0):.1%}", interval, f"{found['passed']} of {found['of']}")
    return Group(*(table for table in (metrics, limits) if table.rows))


def _told(summary: Mapping[str, Any]) -> list[str]:
    """Sentences on what failed, and on intervals from few runs."""
    lines = []
    if summary["failed"]:
        first = summary["failures"][0]
        lines.append(
            f"{summary['failed']} of {summary['runs']} runs failed (table.csv has all reasons); run {first['run']}:"
            f" {first['reason']}"
        )
    fewest = min((found["count"] for found in summary["metrics"].values()), default=0)
    if 1 < fewest < _FEW:
        lines.append(f"± is Student's t interval of as few as {fewest} runs, and may exceed the mean")
    return lines
