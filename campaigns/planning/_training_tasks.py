"""Runs of a training study: one experiment with one seed, by the runner of `thermospice train`."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...training import Experiment, ExperimentError, experiment, load_task
from ...training.experiments import applies, fields_of_method, with_defaults
from .._exceptions import StudyError
from ..studies import CASE, METHOD, number, path_of_setting
from ._task import RunTask, digest_of, get, put

_NAME = "run"
_NOT_OF_A_CASE = ("seeds", "name", "case")


class TrainingBase:
    """The fields of a training study, its cases by name, and how its points become tasks."""

    def __init__(self, fields: Mapping[str, Any], cases: Mapping[str, Mapping[str, Any]], where: str) -> None:
        self._fields = dict(fields)
        self._cases = cases
        self._where = where
        for name in ("seeds", "name"):
            if name in fields:
                raise StudyError(
                    f"{where}: training.{name}: a study has its own; use seed, instances and name of the study"
                )
        self._plain = self._experiment({}).model_dump(mode="json")

    def read(self, name: str, value: Any) -> Any:
        """A value as the field has it."""
        return _value(self._experiment({name: value}), name, value)

    def own(self, name: str) -> Any:
        """The value that the study's settings have."""
        return _value(self._experiment({}), name, None)

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
        return common, {name: _value(asked, name, value) for name, value in values.items()}

    def _experiment(self, values: Mapping[str, Any]) -> Experiment:
        where = f"{self._where}: training"
        if not values:
            return experiment({**self._fields, "name": _NAME}, where)
        case = self._case(values)
        plain = json.loads(json.dumps(self._plain))
        changes = {**case, **{name: value for name, value in values.items() if name != CASE}}
        for name, value in changes.items():
            if path_of_setting(name) == METHOD:
                plain |= fields_of_method(str(value))
            else:
                block = f"cases.{values[CASE]}" if name in case else "parameters"
                put(plain, path_of_setting(name), value, f"{self._where}: {block}.{name}")
        if any(path_of_setting(name) in (METHOD, ("optimizer",), ("solver",)) for name in changes):
            # The study's settings hold where they mean something; those of a case are meant for its method.
            method = plain["optimizer"], plain["solver"]
            own = {path_of_setting(name)[0] for name in case}
            plain = {key: value for key, value in plain.items() if key in own or applies(key, *method)}
        named = ", ".join(f"{name} = {value}" for name, value in values.items())
        return experiment({key: value for key, value in plain.items() if value is not None}, f"{where}: {named}")

    def _case(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The settings of the case that is among the values, if any."""
        if CASE not in values:
            return {}
        name = values[CASE]
        if name not in self._cases:
            raise StudyError(
                f"{self._where}: parameters.{CASE}: expected one of {', '.join(self._cases)}, got {name!r}"
            )
        for field in self._cases[name]:
            if path_of_setting(field)[0] in _NOT_OF_A_CASE:
                raise StudyError(f"{self._where}: cases.{name}.{field}: is the same in all runs of a study; remove it")
        return self._cases[name]


def _value(found: Experiment, name: str, given: Any) -> Any:
    if name == CASE:
        return given
    if path_of_setting(name) == METHOD:
        return found.method
    return number(name, get(found.model_dump(mode="json"), path_of_setting(name)))


@lru_cache(maxsize=4)
def _task(name: str, data: Path | None) -> Any:
    return load_task(name, data)
