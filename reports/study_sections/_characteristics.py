"""Tables of limits: yields, lowest and highest values under each condition, and the worst chips by seed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..section_parts import Cell, Table, number
from ..wording import listed, metric_words, parameter_words, percent, value_words

_MOST_ROWS = 120


def limit_table(summary: Mapping[str, Any]) -> Iterator[Table]:
    """How many runs keep each limit, over everything."""
    rows = summary.get("limits") or ()
    if not rows or summary.get("characteristics"):
        return
    head = ("limit", "kept", "yield", "required", "verdict")
    verdicts = tuple(_verdict(row.get("required_yield"), row["passed"], row["of"]) for row in rows)
    cells = tuple(
        (
            _bound(row, summary),
            f"{row['passed']} of {row['of']}",
            _yield(row),
            percent(row.get("required_yield")),
            _word(verdict),
        )
        for row, verdict in zip(rows, verdicts, strict=True)
    )
    yield Table("Limits, over all runs", head, cells, verdicts)


def _bound(row: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    name = row["metric"]
    ends = [
        f"{word} {number(row[key], _unit(row, summary), name)}"
        for key, word in (("at_least", "at least"), ("at_most", "at most"))
        if row.get(key) is not None
    ]
    return f"{metric_words(name)} {listed(ends)}"


def _unit(row: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    found = str(row.get("unit") or (summary.get("units") or {}).get(row["metric"], "1"))
    return "" if found == "1" else found


def _yield(row: Mapping[str, Any]) -> str | Cell:
    if not row["of"]:
        return "–"
    share = row["passed"] / row["of"]
    if row.get("yield_low") is None or row.get("yield_high") is None:
        return Cell(percent(share), share)
    low = row["yield_low"]
    high = row["yield_high"]
    return Cell(f"{percent(share)} ({percent(low)} to {percent(high)})", share, "", low, high)


def _verdict(required: float | None, passed: int, of: int) -> bool | None:
    return None if required is None else bool(of) and passed / of >= required


def _word(verdict: bool | None) -> str:
    return {None: "", True: "✓ passed", False: "✗ failed"}[verdict]


def characteristic_table(summary: Mapping[str, Any]) -> Iterator[Table]:
    """A circuit's characteristics: lowest, typical and highest value of each metric under each condition."""
    rows = summary.get("characteristics") or ()
    if not rows:
        return
    shown = rows if len(rows) <= _MOST_ROWS else [row for row in rows if _judged(row)][:_MOST_ROWS]
    more = "" if len(shown) == len(rows) else "; characteristics.csv has every one"
    verdicts = tuple(_verdict(_required(row), row["passed"], row["of"]) if _judged(row) else None for row in shown)
    head = ("condition", "metric", "min", "typ", "max", "limit", "yield", "worst chip", "verdict")
    cells = tuple(tuple(_characteristic(row, verdict, summary)) for row, verdict in zip(shown, verdicts, strict=True))
    yield Table(
        f"Under each condition: lowest chip, the circuit without deviations (typ) and highest chip{more}",
        head,
        cells,
        verdicts,
    )


def _required(row: Mapping[str, Any]) -> float:
    """Every chip, unless another yield was asked for."""
    required = row.get("required_yield")
    return 1.0 if required is None else float(required)


def _judged(row: Mapping[str, Any]) -> bool:
    return row.get("limit_min") is not None or row.get("limit_max") is not None


def _characteristic(row: Mapping[str, Any], verdict: bool | None, summary: Mapping[str, Any]) -> list[str | Cell]:
    unit = _unit(row, summary)
    name = row["metric"]
    numbers = [number(row.get(key), unit, name) for key in ("min", "typ", "max")]
    ends = {"at least": row.get("limit_min"), "at most": row.get("limit_max")}
    limit = listed(f"{word} {number(value, unit, name)}" for word, value in ends.items() if value is not None)
    worst = "–"
    if row.get("worst_chip") is not None:
        value = "no number" if row.get("worst_value") is None else str(number(row["worst_value"], unit, name))
        worst = f"seed {row['worst_chip']}: {value}"
    kept = _yield(row) if _judged(row) else "–"
    return [row["condition"], metric_words(name), *numbers, limit or "–", kept, worst, _word(verdict)]


def ranges(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Ranges of a study of chips at several points: what `characteristic_table` is to a circuit of one's own.

    A circuit of one's own has that table alone: its typical value is no median.
    """
    if summary.get("characteristics"):
        return
    points = list(summary.get("points") or ())
    limited = list(dict.fromkeys(limit["metric"] for limit in summary.get("limits") or ()))
    rows = [(point, name) for point in points for name in limited]
    if not rows or len(rows) > _MOST_ROWS:
        return
    varied = tuple(map(parameter_words, points[0]["parameters"]))
    head = (*varied, "metric", "min", "typ", "max", "yield", "")
    cells = tuple(tuple(_point_row(point, name, summary)) for point, name in rows)
    marks = tuple(False if point.get("failed") else None for point, _ in rows)
    yield Table("Under each condition: lowest, typical (median) and highest chip", head, cells, marks)


def _point_row(point: Mapping[str, Any], name: str, summary: Mapping[str, Any]) -> Iterator[str | Cell]:
    units = summary.get("parameter_units") or {}
    for path, value in point["parameters"].items():
        yield value_words(path, value, units.get(path, "1"))
    yield metric_words(name)
    yield from _range(point["metrics"].get(name) or {}, name, summary)
    yield _yield(_limit_of(point, name))
    yield f"✗ {point['failed']} failed" if point.get("failed") else ""


def _limit_of(point: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((row for row in point.get("limits") or () if row["metric"] == name), {"passed": 0, "of": 0})


def _range(metric: Mapping[str, Any], name: str, summary: Mapping[str, Any]) -> Sequence[str | Cell]:
    unit = _unit({"metric": name}, summary)
    return [number(metric.get(key), unit, name) for key in ("min", "median", "max")]


def worst_table(summary: Mapping[str, Any]) -> Iterator[Table]:
    """The runs with the least room to a limit."""
    rows = summary.get("worst") or ()
    if not rows:
        return
    units = summary.get("parameter_units") or {}
    names = list(rows[0]["parameters"])
    head = ("limit on", "seed", *map(parameter_words, names), "value", "run", "verdict")
    cells = tuple(
        (
            metric_words(row["metric"]),
            str(row["chip"]),
            *(value_words(path, row["parameters"].get(path), units.get(path, "1")) for path in names),
            _worst_value(row, summary),
            str(row["run"]),
            _word(row["kept"]),
        )
        for row in rows
    )
    yield Table("The worst, by seed of the chip", head, cells, tuple(row["kept"] for row in rows))


def _worst_value(row: Mapping[str, Any], summary: Mapping[str, Any]) -> str | Cell:
    if row.get("value") is None:
        return "failed" if row.get("failed", True) else "no such number"
    return number(row["value"], _unit(row, summary), row["metric"])
