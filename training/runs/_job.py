"""One seed in one folder."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..experiments import Experiment
from ..parallel import Ranks
from ..tasks import Task, load_task
from ._metrics import write_rows
from ._one_run import run_name, train
from ._progress import Progress

RUNS = "runs.jsonl"
EXPERIMENT = "experiment.yaml"
ENTRY = "entry.jsonl"


@dataclass(frozen=True)
class SeedJob:
    experiment: Experiment
    seed: int
    folder: Path
    resume: bool

    @property
    def name(self) -> str:
        return run_name(self.experiment, self.seed)

    @property
    def entry(self) -> Path:
        return self.folder / ENTRY


@lru_cache(maxsize=4)
def cached_task(name: str, data: Path | None) -> Task:
    return load_task(name, data)


def train_seed(
    job: SeedJob, task: Task | None, stop: Callable[[], bool], progress: Progress, ranks: Ranks | None = None
) -> None:
    task = task or cached_task(job.experiment.task, job.experiment.data)
    entry = train(task, job.experiment, job.seed, job.folder, job.resume, stop, progress, ranks)
    write_rows(job.entry, [entry])
