"""Runs of a campaign that its folder does not hold yet, performed by workers that start with the first of them."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .planning import PlannedRun
from .runs import SILENCE, Executor, Record, Stopped, Store, executor, perform
from .studies import StopAfter, Study

Progress = Callable[[int, int, int], None]
"""Called with the numbers of runs that are over, that failed, and that there are to do."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How a campaign is carried out; nothing here changes a number."""

    resume: bool = False
    """Go on in a folder that holds a part of the same campaign."""
    scheduler: str | None = None
    """Address of a Dask scheduler; this machine without."""
    workers: int | None = None
    """Processes; one for each core without."""
    retry_failed: bool = False
    """When resumed, runs that failed are tried again."""
    scheduler_timeout: float = SILENCE
    """Most time that the scheduler may say nothing, be away, or have no worker, before it is given up [s]."""


@dataclass(eq=False)
class Performer:
    """Knows what has been done, and does the rest."""

    folder: Path
    study: Study
    store: Store
    execution: Execution
    progress: Progress
    known: dict[str, Record] = field(default_factory=dict)
    """Finished runs by key."""
    reused: int = 0
    """Of these, those that the folder held."""
    _over: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)
    _workers: Executor | None = None
    _name: str = ""
    _told: bool = False

    @classmethod
    @contextmanager
    def at_work(
        cls, folder: Path, study: Study, store: Store, execution: Execution, progress: Progress
    ) -> Iterator["Performer"]:
        """Workers that were started end with the context, and with them what they do."""
        found = cls(folder, study, store, execution, progress)
        with found._stack:
            yield found

    def do(self, runs: Iterable[PlannedRun], expected: int | None = None) -> None:
        """Perform those of some runs that are not known yet.

        Args:
            runs: of the plan.
            expected: how many there will be in all, where these are not the last ones.

        Raises:
            Stopped: so many have failed that the study ends.
        """
        tasks = {run.key: run.task for run in runs}
        self._take(tasks)
        waiting = {key: task for key, task in tasks.items() if key not in self.known}
        total = self._over + len(waiting) if expected is None else expected
        failed = sum(record["status"] == "failed" for record in self.known.values())
        if waiting:
            self.store.check_writable()
            # Before the bar that is shown then, whose thread would keep processes from being forked.
            self._started(len(waiting))
        if not self._told:
            self._told = True
            self.progress(0, failed, total)
        if waiting:
            self._perform(waiting, failed, max(total, self._over + len(waiting)))

    def _take(self, keys: Iterable[str]) -> None:
        """What the folder holds."""
        for key in keys:
            if key in self.known or (record := self.store.get(key)) is None:
                continue
            if record["status"] == "done" or not self.execution.retry_failed:
                self.known[key] = record
                self.reused += 1

    def _perform(self, waiting: Mapping[str, Any], failed: int, total: int) -> None:
        rule = self.study.failures
        most = rule.stop_after if isinstance(rule, StopAfter) else None
        if most is not None and failed >= most:
            raise Stopped(f"{failed} runs have failed, and the study stops after {most}")
        before = self._over

        def keep(record: Record) -> None:
            # As it is kept it has no numbers that are not finite: as in a campaign that was resumed.
            self.known[record["key"]] = self.store.put(record)

        def progressed(done: int, failures: int) -> None:
            self._over = before + done
            self.progress(self._over, failures, total)

        name, workers = self._started(len(waiting))
        perform(self._requests(waiting, name), workers, keep, progressed, most, failed)

    def _started(self, runs: int) -> tuple[str, Executor]:
        if self._workers is None:
            self._name = f"{self.study.name}-{secrets.token_hex(4)}"
            how = self.execution
            started = executor(how.scheduler, how.workers, self._name, how.scheduler_timeout, runs)
            self._workers = self._stack.enter_context(started)
        return self._name, self._workers

    def _requests(self, waiting: Mapping[str, Any], campaign: str) -> Iterator[dict[str, Any]]:
        study = self.study
        training = self.folder.absolute() / "training" if study.kind == "training" else None
        if training is not None:
            training.mkdir(exist_ok=True)
        for key, task in waiting.items():
            yield {
                "key": key,
                "task": task,
                "timeout": study.timeout,
                "memory": study.memory,
                "campaign": campaign,
                "folder": str(training / key[:16]) if training is not None else None,
            }
