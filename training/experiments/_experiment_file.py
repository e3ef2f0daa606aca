"""From YAML to an experiment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...files import UnreadableFile, parse_yaml, read_text
from ...files.opening import DESCRIPTION
from .._exceptions import ExperimentError
from ._experiment import Experiment, experiment
from ._methods import SETTINGS, fields_of_method, method_of, names_of_tunings
from .tunings import TunedSettings, in_document, is_tuning, methods_of, nearest


def load_experiment(path: Path, **overrides: Any) -> Experiment:
    """An experiment from a YAML mapping; overrides that are not None win. Raises `ExperimentError`.

    The mapping has the fields of an experiment, or is what `tune` wrote: then it gives the settings of the method that
    `optimizer` and `solver` of the overrides name, of tngd without them, or of the only one that it has. Of several
    tunings it takes that whose steps are nearest to `tuned_for`, or to `steps`, by their ratio.
    """
    fields = read_mapping(path)
    wanted = {key: value for key, value in overrides.items() if value is not None}
    if not is_tuning(fields):
        return experiment({**fields, **wanted}, str(path))
    try:
        tuned = _tuned_fields(fields, wanted)
    except ExperimentError as error:
        raise ExperimentError(f"{path}: {error}") from None
    wanted.pop("tuned_for", None)
    return experiment({**tuned, **wanted}, str(path))


def read_mapping(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping; raises `ExperimentError` with file and line otherwise."""
    try:
        content = parse_yaml(read_text(path, DESCRIPTION), str(path))
    except UnreadableFile as error:
        raise ExperimentError(f"{path}: cannot be read: {error.reason}") from None
    except ValueError as error:
        raise ExperimentError(str(error)) from None
    if not isinstance(content, dict):
        raise ExperimentError(f"{path}: expected a mapping of fields to values, got {type(content).__name__}")
    return {str(key): value for key, value in content.items()}


def _tuned_fields(table: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The experiment that a tuning found best for the method that is wanted."""
    task = table.get("task")
    if not isinstance(task, str):
        raise ExperimentError(f"task: expected the name of the task that was tuned, got {task!r}")
    if wanted.get("task", task) != task:
        raise ExperimentError(f"task: its settings were tuned for {task!r}, got {wanted['task']!r}")
    method = _method(methods_of(table), wanted)
    found = in_document(table, names_of_tunings(method, wanted.get("correction")))
    if not found:
        raise ExperimentError(f"methods: no settings of {method}; there are those of {', '.join(methods_of(table))}")
    best = _of_budget(found, wanted)
    common = {**best.common, "schedule": best.schedule}
    if "epochs" in wanted:
        common.pop("steps", None)
    named = {"task": task, "data": table.get("data"), **common, **fields_of_method(method)}
    own = {name: value for name, value in {**best.fixed, **best.chosen}.items() if _means(name, method)}
    return {name: value for name, value in {**named, **own}.items() if value is not None}


def _method(known: tuple[str, ...], wanted: Mapping[str, Any]) -> str:
    asked = not wanted.keys().isdisjoint(("optimizer", "solver"))
    method = method_of(wanted.get("optimizer", "tngd"), wanted.get("solver"))
    if asked or method in known:
        return method
    if len(known) == 1:
        return known[0]
    raise ExperimentError(f"optimizer: expected one whose settings are there ({', '.join(known)}), got none")


def _of_budget(found: list[TunedSettings], wanted: Mapping[str, Any]) -> TunedSettings:
    steps = wanted.get("tuned_for") or wanted.get("steps")
    numbers = list(dict.fromkeys(one.steps for one in found))
    if steps is None and len(numbers) > 1:
        told = ", ".join(map(str, numbers))
        raise ExperimentError(f"steps: expected a number for one of its tunings, which are for {told} steps; got none")
    best = nearest(found, steps or 1)
    assert best is not None, "found is not empty"
    return best


def _means(name: str, method: str) -> bool:
    """Settings of a method that shares another's tuning are fewer; what nobody knows is said with the experiment."""
    known = {setting for settings in SETTINGS.values() for setting in settings}
    return name in SETTINGS.get(method, ()) or name not in known
