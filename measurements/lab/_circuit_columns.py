"""Which column shows which output of a circuit."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from .._exceptions import MeasurementError
from ._columns import PAIRED
from ._description import RecordFacts
from ._sources import Source

_SHOWN = 6
_SINGLE = re.compile(r"v\(([^(),]+)\)")


def plain_output(label: str) -> str:
    """An output's name as it is compared: `V(v1)` is `v1`, `v(a,b)` is `a-b`."""
    text = label.lower().replace(" ", "")
    if (found := re.fullmatch(r"v\(([^(),]+),([^(),]+)\)", text)) is not None:
        return f"{found[1]}-{found[2]}"
    return _SINGLE.sub(r"\1", text)


def named_outputs(labels: Sequence[str], facts: RecordFacts) -> Callable[[str], int | None]:
    """A map from a column to the number of its output: by `columns` where that says it, or by its own name."""
    own = {plain_output(label): k for k, label in enumerate(labels)}
    told = {name.strip().lower(): where for name, where in (facts.columns or {}).items()}

    def place(name: str) -> int | None:
        where = told.get(name.strip().lower())
        if where is None:
            return own.get(plain_output(name))
        if isinstance(where, int):
            return where if where < len(labels) else None
        return own.get(plain_output(where))

    return place


def output_places(
    path: Path, table: Source, facts: RecordFacts, labels: Sequence[str]
) -> tuple[tuple[int, ...], list[list[int]]]:
    """The outputs that a record shows, and the columns of each; where `columns` are told, others are not used.

    Raises:
        MeasurementError: a column of no output, an output that is shown twice, or none at all.
    """
    place = named_outputs(labels, facts)
    names = {k: (c.name or f"{k + 1}") for k, c in enumerate(table.columns) if k not in table.axes}
    _check_told(path, names, facts, labels)
    chosen = {name.strip().lower() for name in facts.columns or {}}
    wanted = [k for k, name in names.items() if not chosen or name.strip().lower() in chosen]
    found = {k: place(names[k]) for k in wanted}
    if not chosen and len(names) == len(labels) == 1:
        found = dict.fromkeys(names, 0)  # one column of one output needs no name
    strange = [names[k] for k, output in found.items() if output is None]
    if strange or not found:
        shown = ", ".join((strange or list(names.values()))[:_SHOWN])
        raise MeasurementError(
            f"{path}: columns: expected names of outputs ({', '.join(labels[:_SHOWN])}), got {shown or 'none'}; say in"
            " `columns` which output each column shows, such as `columns: {CH1: " + labels[0] + "}`"
        )
    outputs = tuple(sorted({output for output in found.values() if output is not None}))
    places = [[k for k in wanted if found[k] == output] for output in outputs]
    parts = 2 if any(table.columns[k].kind in PAIRED for k in wanted) else 1
    for output, mine in zip(outputs, places, strict=True):
        if len(mine) != parts:
            raise MeasurementError(
                f"{path}: expected {parts} column{'s' if parts > 1 else ''} for output {labels[output]},"
                f" got {len(mine)}"
            )
    return outputs, places


def _check_told(path: Path, names: dict[int, str], facts: RecordFacts, labels: Sequence[str]) -> None:
    known = {plain_output(label) for label in labels}
    there = {name.strip().lower() for name in names.values()}
    for name, where in (facts.columns or {}).items():
        right = plain_output(where) in known if isinstance(where, str) else where < len(labels)
        if name.strip().lower() not in there or not right:
            columns, outputs = (", ".join(list(some)[:_SHOWN]) for some in (names.values(), labels))
            raise MeasurementError(
                f"{path}: columns: {name}: {where}: expected a column of the file ({columns}) and an output of the"
                f" netlist ({outputs})"
            )
