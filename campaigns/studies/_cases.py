"""Cases of a training study: settings that belong together, by a name."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

CASE = "training.case"
"""The parameter whose values are the names of a study's cases."""

METHOD = ("method",)
"""Not a field: an optimiser, a solver for TNGD, or `kfac-` and a solver."""

Path = tuple[str, ...]


def path_of_setting(name: str) -> Path:
    """Where a training's field lies that a case or a parameter names, such as `lr`, `training.lr` or `solver.lr`."""
    return tuple(name.removeprefix("training.").removeprefix("solver.").split("."))


def cases_read(data: Any) -> Any:
    """A study's fields with cases in which nothing stands for no settings of its own.

    Raises:
        ValueError: cases without one.
    """
    cases = data.get("cases") if isinstance(data, Mapping) else None
    if not isinstance(cases, Mapping):
        return data
    if not cases:
        raise ValueError("cases: expected at least one, such as `fast: {optimizer: adam}`, got none")
    return {**data, "cases": {name: {} if fields is None else fields for name, fields in cases.items()}}


def case_faults(cases: Mapping[str, Mapping[str, Any]], parameters: Iterable[str]) -> Iterator[str]:
    """Settings of a case that a parameter, which holds over all of them, would replace under the case's name."""
    for case, settings in cases.items():
        for setting in settings:
            for name in parameters:
                if name != CASE and _overlap(path_of_setting(setting), path_of_setting(name)):
                    same = path_of_setting(setting) == path_of_setting(name)
                    by = "a parameter" if same else f"the parameter {name}"
                    yield f"cases.{case}.{setting}: varies as {by} too; give it once"


def twice_named(names: Iterable[str]) -> Iterator[str]:
    """Parameters of a training that are the field of an earlier one by another name, and would replace its values."""
    earlier: dict[Path, str] = {}
    for name in names:
        for field in _fields(path_of_setting(name)):
            if earlier.setdefault(field, name) != name:
                yield f"parameters.{name}: varies as the parameter {earlier[field]} too; give it once"


def _overlap(one: Path, other: Path) -> bool:
    """Is one of the fields the other, or inside it?"""
    return any(a[: len(b)] == b or b[: len(a)] == a for a in _fields(one) for b in _fields(other))


def _fields(path: Path) -> tuple[Path, ...]:
    return (("optimizer",), ("solver",)) if path == METHOD else (path,)
