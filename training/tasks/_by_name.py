"""Tasks by name."""

from pathlib import Path

from .._exceptions import TaskError
from ._task import Task

TASKS = ("digits", "regression", "logistic", "mnist", "squad")


def load_task(name: str, data: Path | None = None) -> Task:
    """One of `TASKS` with its data; `data` is the folder that `mnist` and `squad` read.

    Raises `TaskError` for an unknown name and for data that is missing or malformed.
    """
    # Imported here: each task pulls in its own data library.
    if name == "digits":
        from ._digits import digits

        return digits()
    if name == "regression":
        from ._regression import regression

        return regression()
    if name == "logistic":
        from ._logistic import logistic

        return logistic()
    if name == "mnist":
        from ._mnist import mnist

        return mnist(data)
    if name == "squad":
        from ._squad import squad

        return squad(data)
    raise TaskError(f"unknown task {name!r}: expected one of {', '.join(TASKS)}")
