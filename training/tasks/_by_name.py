"""Tasks by name. A new one is a module beside this one and a row of `TASK_KINDS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from .._exceptions import TaskError
from ._digits import digits
from ._least_squares import least_squares
from ._logistic import logistic
from ._mnist import mnist
from ._regression import regression
from ._squad import squad
from ._task import Task


@dataclass(frozen=True)
class TaskKind:
    """How a task comes by its data."""

    load: Callable[[Path | None], Task]
    """The task with its data, from the folder that the user names where it `reads_folder`."""
    reads_folder: bool = False
    """Its data are too large to be shipped, and the user has to fetch them."""


def _shipped(load: Callable[[], Task]) -> TaskKind:
    """A task whose data come with a library that is installed anyway."""
    return TaskKind(lambda _: load())


TASK_KINDS: Mapping[str, TaskKind] = MappingProxyType(
    {
        "digits": _shipped(digits),
        "regression": _shipped(regression),
        "logistic": _shipped(logistic),
        "least-squares": _shipped(least_squares),
        "mnist": TaskKind(mnist, reads_folder=True),
        "squad": TaskKind(squad, reads_folder=True),
    }
)
TASKS = tuple(TASK_KINDS)


def load_task(name: str, data: Path | None = None) -> Task:
    """One of `TASKS` with its data; `data` is the folder that those read which ship none.

    Raises `TaskError` for an unknown name and for data that is missing or malformed.
    """
    if name not in TASK_KINDS:
        raise TaskError(f"unknown task {name!r}: expected one of {', '.join(TASKS)}")
    return TASK_KINDS[name].load(data)
