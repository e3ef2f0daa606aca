"""Runs of a training study: one experiment with one seed, by the runner of `thermospice train`."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...training import Experiment, ExperimentError, experiment, load_task
from ...training.experiments import applies, fields_of_method, with_defaults
from .._exceptions import StudyError
from ..studies import number
from ._task import RunTask, digest_of, get, put

_NAME = "run"
_METHOD = ("method",)
"""Not a field: an optimiser, a solver for TNGD, or `kfac-` and a solver."""


class TrainingBase:
    """The fields of a training study, and how its points become tasks."""

    def __init__(self, fields: Mapping[str, Any], where: str) -> None:
        self._fields, self._where = dict(fields), where
        for name in ("seeds", "name"):
            if name in fields:
                raise StudyError(
                    f"{where}: training.{name}: a study has its own; use seed, instances and name of the study"
                )
        self._plain = self._experiment({}).model_dump(mode="json")

    def read(self, name: str, value: Any) -> Any:
        """A value as the field has it."""
        return _value(self._experiment({name: value}), name)

    def own(self, name: str) -> Any:
        """The value that the study's settings have."""
        return _value(self._experiment({}), name)

    def at(self, values: Mapping[str, Any]) -> tuple[RunTask, dict[str, Any]]:
        """What the runs of a point have in common, and its parameters as the fields have them."""
        asked = self._experiment(values)
        try:
            complete = with_defaults(asked, _task(asked.task, asked.data))
        except ExperimentError as error:
            raise StudyError(f"{self._where}: training: {error}") from None
        plain = complete.model_dump(mode="json", exclude_none=True)
        files = {name: digest_of(Path(plain[name])) for name in ("device",) if name in plain}
        common = {
            "kind": "training",
            "experiment": {**plain, "seeds": [], "name": _NAME},
            "files": files,
            "instance": True,
        }
        return common, {name: _value(asked, name) for name in values}

    def _experiment(self, values: Mapping[str, Any]) -> Experiment:
        where = f"{self._where}: training"
        if not values:
            return experiment({**self._fields, "name": _NAME}, where)
        plain = json.loads(json.dumps(self._plain))
        for name, value in values.items():
            if _path(name) == _METHOD:
                plain |= fields_of_method(str(value))
            else:
                put(plain, _path(name), value, f"{self._where}: parameters.{name}")
        if any(_path(name) in (_METHOD, ("optimizer",), ("solver",)) for name in values):
            # The study's settings hold where they mean something.
            method = plain["optimizer"], plain["solver"]
            plain = {key: value for key, value in plain.items() if applies(key, *method)}
        named = ", ".join(f"{name} = {value}" for name, value in values.items())
        return experiment({key: value for key, value in plain.items() if value is not None}, f"{where}: {named}")


def _value(found: Experiment, name: str) -> Any:
    if _path(name) == _METHOD:
        return found.method
    return number(name, get(found.model_dump(mode="json"), _path(name)))


def _path(name: str) -> tuple[str, ...]:
    return tuple(name.removeprefix("training.").removeprefix("solver.").split("."))


@lru_cache(maxsize=4)
def _task(name: str, data: Path | None) -> Any:
    return load_task(name, data)
