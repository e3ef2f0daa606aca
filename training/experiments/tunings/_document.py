"""A document of tuned settings: one tuning, or several under `budgets`."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._exceptions import ExperimentError

Document = Mapping[str, Any]

_OF_BUDGET = ("steps", "batch_size", "train_size")
"""What all runs of a tuning have in common, beside their schedule."""


@dataclass(frozen=True)
class TunedSettings:
    """What was chosen for a method. `steps`: how many it was chosen for; None where nobody knows.

    fixed: what its runs had beside that; empty where a document does not say. common: of all methods' runs.
    """

    steps: int | None
    schedule: str | None
    chosen: Mapping[str, Any]
    fixed: Mapping[str, Any]
    common: Mapping[str, Any]


def is_tuning(content: Document) -> bool:
    """Whether a mapping that was read is such a document, and no experiment, which has none of these fields."""
    return "methods" in content or "budgets" in content


def budgets(table: Document) -> list[Document]:
    """The tunings of a document. Raises `ExperimentError` for one that is not made of mappings."""
    several = table.get("budgets")
    if several is None:
        return [table]
    if not isinstance(several, list):
        raise ExperimentError(f"budgets: expected a list of tunings, got {type(several).__name__}")
    return [_mapping(one, "budgets") for one in several]


def methods_of(table: Document) -> tuple[str, ...]:
    """The methods that any tuning of the document has settings of."""
    return tuple(dict.fromkeys(str(name) for one in budgets(table) for name in _mapping(one.get("methods"), "methods")))


def in_document(table: Document, methods: Sequence[str]) -> list[TunedSettings]:
    """What each tuning of the document chose for each of `methods`, in their order.

    methods: names under which the settings may stand. Raises `ExperimentError` for what is no such document.
    """
    return [found for method in methods for found in _of_method(table, method)]


def nearest(found: Sequence[TunedSettings], steps: int) -> TunedSettings | None:
    """Those whose number of steps is nearest to `steps` by its ratio; of equally near ones the first."""
    return min(found, key=lambda one: _distance(one.steps, steps), default=None)


def _of_method(table: Document, method: str) -> Iterator[TunedSettings]:
    for one in budgets(table):
        entry = _mapping(_mapping(one.get("methods"), "methods").get(method), f"methods: {method}")
        if "chosen" not in entry:
            continue
        budget = _mapping(one.get("budget"), "budget")
        yield TunedSettings(
            steps=_count(budget.get("steps")),
            schedule=one.get("schedule"),
            chosen=_mapping(entry["chosen"], f"methods: {method}: chosen"),
            fixed=_mapping(entry.get("fixed"), f"methods: {method}: fixed"),
            common={name: budget[name] for name in _OF_BUDGET if name in budget},
        )


def _mapping(value: Any, where: str) -> Document:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ExperimentError(f"{where}: expected a mapping of names to values, got {type(value).__name__}")
    return value


def _count(steps: Any) -> int | None:
    if steps is None or (type(steps) is int and steps > 0):
        return steps
    raise ExperimentError(f"budget: steps: expected a positive whole number, got {steps!r}")


def _distance(steps: int | None, wanted: int) -> float:
    return math.inf if steps is None else abs(math.log(steps / wanted))
