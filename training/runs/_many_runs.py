"""Many experiments, many seeds, on the cores of this machine; interrupted at any time, resumed where they were."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ...files import write_atomically
from ...files.forecasts import Forecast, side_by_side
from ...files.opening import available_cores
from .._exceptions import ExperimentError
from ..experiments import Experiment, anchored, anchored_paths, experiment, read_mapping, with_defaults
from ..parallel import Ranks
from ..tasks import Task
from ._forecast import check_workers, run_forecasts
from ._interrupts import GRACE, interrupt_ignored, interrupt_sets
from ._job import EXPERIMENT, RUNS, SeedJob, cached_task, train_seed
from ._metrics import Entry, RowsError, read_rows, write_rows
from ._one_run import CURVES, Interrupted, follow, run_name
from ._progress import Progress, show_progress
from ._worker_processes import run_in_processes
from .memory import free_memory_of


def run_experiment(
    experiment: Experiment,
    out: Path,
    *,
    task: Task | None = None,
    resume: bool = False,
    workers: int | None = None,
    quiet: bool = False,
    tell: Callable[[str], None] | None = None,
) -> list[Entry]:
    """One experiment over its seeds; see `run_experiments`."""
    return run_experiments([experiment], out, task=task, resume=resume, workers=workers, quiet=quiet, tell=tell)


def run_experiments(
    experiments: Sequence[Experiment],
    out: Path,
    *,
    task: Task | None = None,
    resume: bool = False,
    workers: int | None = None,
    quiet: bool = False,
    tell: Callable[[str], None] | None = None,
) -> list[Entry]:
    """Trains every experiment with every one of its seeds; returns the entries in that order.

    Entries have `task, optimizer, solver, seed, steps, train_loss, test_loss, test_accuracy, elapsed_s [s],
    modelled_time_s [s], modelled_energy_J [J]` and a few more; what was not computed is absent. The modelled time of a
    digital optimiser is what its steps took here, that of an analog one the sum of `modelled_digital_s` (gradient and
    factors, as they took here: time of the run's own thread, of which a step counts as the median of the faster half;
    `modelled_digital_spread` is the interquartile range of a step's by its median), `_loading_s`, `_drive_s`,
    `_relaxation_s` and `_readout_s`; the energy is that of the device's amplifiers and resistors alone. `out` receives
    `runs.jsonl` (the entries), `curves.jsonl` (losses against steps) and a folder per run. `task` replaces the one
    that the experiments name. `workers` processes (default: one per core, or one in all on a GPU) of one thread each;
    they are spawned, so a script needs its `if __name__ == "__main__"`, and its own task must be importable. With
    `resume`, finished runs in `out` are kept and unfinished ones continue from their checkpoints.

    `tell` is called with a sentence on what the runs will take, where that is more than a minute or a gigabyte: some
    steps are taken beforehand, and leave nothing behind.

    Under torchrun the runs are data parallel instead, one after the other: the first process calls this, the others
    `follow_experiments`; each steps on its part of every batch, and only the first one writes.

    Ctrl-C stops every run at its next step, with a checkpoint, and raises KeyboardInterrupt; a step that takes longer
    than a second is given up, and taken again from the last checkpoint (at most 30 s old) when the run is resumed.
    Raises `ExperimentError` and `TaskError` for bad input, before anything runs.
    """
    jobs = _jobs(experiments, out, task, resume)
    waiting = [job for job in jobs if not job.entry.exists()]
    count = max(1, min(workers or _places([job.experiment.processor for job in waiting]), len(waiting)))
    ranks = Ranks.launched(experiments[0].processor) if experiments else None
    if tell is not None and waiting:
        expected = experiments_forecast(waiting, count, task, ranks)
        check_workers(expected, count, min(free_memory_of(job.experiment.processor) for job in waiting))
        announce(expected, len(waiting), count if ranks is None else ranks.count, tell)
    for job in waiting:
        job.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(job.folder / EXPERIMENT, anchored(job.experiment).to_yaml(), synced=True)
    try:
        with show_progress({job.name: job.experiment.steps or 0 for job in waiting}, quiet) as progress:
            if ranks is not None:
                _lead(waiting, task, progress, ranks)
            elif count == 1:
                _run_here(waiting, task, progress)
            else:
                run_in_processes(waiting, task, count, progress)
    finally:
        collect(out, jobs)
    return [_finished(job) for job in jobs]


def experiments_forecast(
    jobs: Sequence[SeedJob], workers: int, task: Task | None, ranks: Ranks | None = None
) -> Forecast:
    """Of what is left of runs on so many processes, or of one after the other by ranks that share each batch."""
    each = run_forecasts([job.experiment for job in jobs], task)
    sharing = 1.0 if ranks is None else ranks.side_by_side
    parts = [
        replace(one, seconds=one.seconds * _left(job) / sharing) for job, one in zip(jobs, each, strict=bool(each))
    ]
    return side_by_side(parts, workers)


def announce(expected: Forecast, runs: int, processes: int, tell: Callable[[str], None]) -> None:
    """Say what is long or large."""
    where = "" if processes == 1 else f" on {processes} processes"
    if (text := expected.text(f"{runs:,} runs take" if runs > 1 else "1 run takes")) is not None:
        tell(f"{text}{where}")


def _left(job: SeedJob) -> float:
    """The part of a run that its folder does not hold yet, as far as its curve tells."""
    steps = [row["step"] for row in read_rows(job.folder / CURVES) if type(row.get("step")) is int]
    return 1.0 - min(max(steps, default=0) / max(job.experiment.steps or 1, 1), 1.0)


def _finished(job: SeedJob) -> Entry:
    """The entry of a run that is over. Raises `RowsError` for one that is not of this run."""
    rows = read_rows(job.entry)
    if len(rows) != 1 or (rows[0].get("run"), rows[0].get("seed")) != (job.name, job.seed):
        raise RowsError(f"{job.entry}: expected the entry of the run {job.name}")
    if type(rows[0].get("steps")) is not int or rows[0].get("task") != job.experiment.task:
        raise RowsError(f"{job.entry}: expected an entry of the task {job.experiment.task}, with its steps")
    numbers = {name: value for name, value in rows[0].items() if name.endswith(("_loss", "_accuracy", "_s", "_J"))}
    if wrong := next((name for name, value in numbers.items() if type(value) not in (int, float)), None):
        raise RowsError(f"{job.entry}: {wrong}: expected a number, got {str(numbers[wrong])[:40]!r}")
    return rows[0]


def follow_experiments(processor: str = "cpu", task: Task | None = None) -> None:
    """Every process that torchrun has started but the first: takes part in the steps of its `run_experiments`.

    Does not return: when the first process is done, this one ends.
    """
    ranks = Ranks.launched(processor)
    if ranks is None or ranks.rank == 0:
        raise ExperimentError("follow_experiments: expected to be a later process of torchrun; call run_experiments")
    with interrupt_ignored():  # the first process decides
        while (asked := ranks.agree(None)) is not None:
            made = experiment(asked[0])
            follow(task or cached_task(made.task, made.data), made, asked[1], ranks)
        ranks.leave()


def collect(out: Path, jobs: Sequence[SeedJob]) -> None:
    """Writes the runs' rows and entries, finished or not, to one file each."""
    write_rows(out / CURVES, [row for job in jobs for row in read_rows(job.folder / CURVES)])
    write_rows(out / RUNS, [row for job in jobs for row in read_rows(job.entry)])


def _places(processors: Sequence[str]) -> int:
    # runs on a GPU would contend for its memory
    return available_cores() if set(processors) <= {"cpu"} else 1


def jobs_of(asked: Experiment, out: Path, task: Task | None, resume: bool = True) -> list[SeedJob]:
    """A run for each seed, in a folder of its own inside `out`."""
    complete = with_defaults(asked, task or cached_task(asked.task, asked.data))
    return [SeedJob(complete, seed, out / run_name(complete, seed), resume) for seed in complete.seeds]


def _jobs(experiments: Sequence[Experiment], out: Path, task: Task | None, resume: bool) -> list[SeedJob]:
    jobs = [job for asked in experiments for job in jobs_of(asked, out, task, resume)]
    names = [job.name for job in jobs]
    for name in names:
        if names.count(name) > 1:
            raise ExperimentError(f"experiments: two runs would be called {name}; give each experiment its own name")
    for job in jobs:
        _check_folder(job)
    return jobs


def _check_folder(job: SeedJob) -> None:
    if not job.folder.exists():
        return
    if not job.resume:
        raise ExperimentError(f"{job.folder}: exists already; resume it, or choose another folder")
    description = job.folder / EXPERIMENT
    if not description.exists():
        return
    before = {**read_mapping(description), "seeds": list(job.experiment.seeds)}
    # Those of before may have been written from here, by a relative path.
    before |= anchored_paths(before)
    now = anchored(job.experiment).model_dump(mode="json", exclude_none=True)
    for field in sorted(before.keys() | now.keys()):
        if before.get(field) != now.get(field):
            raise ExperimentError(
                f"{description}: {field} was {before.get(field)!r}, now {now.get(field)!r}; a run resumes unchanged"
            )
    if job.entry.exists():
        _finished(job)


def _lead(jobs: Sequence[SeedJob], task: Task | None, progress: Progress, ranks: Ranks) -> None:
    for job in jobs:
        ranks.agree((job.experiment.model_dump(mode="json", exclude_none=True), job.seed))
        _run_here([job], task, progress, ranks)
    ranks.agree(None)
    ranks.leave()


def _run_here(jobs: Sequence[SeedJob], task: Task | None, progress: Progress, ranks: Ranks | None = None) -> None:
    stop = threading.Event()
    with interrupt_sets(stop, GRACE):
        for job in jobs:
            try:
                train_seed(job, task, stop.is_set, progress, ranks)
            except Interrupted:
                raise KeyboardInterrupt from None
