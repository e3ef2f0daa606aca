"""Tasks by name. A new one is a module beside this one and a row of `TASK_KINDS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from .._exceptions import TaskError
from ._autoencoder import autoencoder
from ._digits import digits
from ._least_squares import least_squares
from ._logistic import logistic
from ._mnist import mnist
from ._pinn import pinn
from ._regression import regression
from ._squad import squad
from ._task import Task


@dataclass(frozen=True)
class TaskKind:
    """How a task comes by its data."""

    load: Callable[[Path | None], Task]
    """The task with its data, from the folder that the user names where it `reads_folder`."""
    reads_folder: bool = False
    """Its data are read from a folder that the user has; a task that cannot do without says so itself."""


def _shipped(load: Callable[[], Task]) -> TaskKind:
    """A task whose data come with a library that is installed anyway."""
    return TaskKind(lambda _: load())


TASK_KINDS: Mapping[str, TaskKind] = MappingProxyType(
    {
        "digits": _shipped(digits),
        "regression": _shipped(regression),
        "logistic": _shipped(logistic),
        "least-squares": _shipped(least_squares),
        "pinn": _shipped(pinn),
        "autoencoder": TaskKind(autoencoder, reads_folder=True),
        "mnist": TaskKind(mnist, reads_folder=True),
        "squad": TaskKind(squad, reads_folder=True),
    }
)
TASKS = tuple(TASK_KINDS)


def load_task(name: str, data: Path | None = None) -> Task:
    """One of `TASKS` with its data; `data` is the folder that those read which ship none.

    Raises `TaskError` for an unknown name, for data that is missing or malformed, and for a folder that would not be
    read.
    """
    if name not in TASK_KINDS:
        raise TaskError(f"unknown task {name!r}: expected one of {', '.join(TASKS)}")
    kind = TASK_KINDS[name]
    if data is not None and not kind.reads_folder:
        readers = ", ".join(other for other, known in TASK_KINDS.items() if known.reads_folder)
        raise TaskError(f"{name}: its data are shipped, and no folder is read; expected no data, or one of {readers}")
    return kind.load(data)
