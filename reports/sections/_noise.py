"""The report's part on noise: how much each cell has, and which elements it comes from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..section_parts import Cell, Table, number
from ..wording import amount, percent

_LOUDEST = 12


def noise_tables(summary: Mapping[str, Any], names: Sequence[str]) -> Iterator[Table]:
    """Rms of each output, and parts of its power; nothing of an analysis that has none."""
    rms = summary.get("rms") or ()
    if len(rms) == len(names):
        rows = tuple((name, number(value, "V")) for name, value in zip(names, rms, strict=True))
        yield Table(f"Noise, rms, {_band(summary)}", ("cell", "rms"), rows)
    shares = summary.get("noise_shares") or {}
    if shares and all(len(values) == len(names) for values in shares.values()):
        yield _loudest(shares, names, summary)


def _band(summary: Mapping[str, Any]) -> str:
    band = summary.get("band")
    if isinstance(band, list | tuple) and len(band) == 2 and all(isinstance(f, int | float) for f in band):
        return f"between {amount(band[0], 'Hz')} and {amount(band[1], 'Hz')}"
    return "over all frequencies"


def _loudest(shares: Mapping[str, Sequence[float]], names: Sequence[str], summary: Mapping[str, Any]) -> Table:
    order = sorted(shares, key=lambda name: -max(shares[name], default=0.0))
    rows: list[tuple[str | Cell, ...]] = [
        (name, *(_share(value) for value in shares[name])) for name in order[:_LOUDEST]
    ]
    if len(order) > _LOUDEST:
        rest = [sum(shares[name][k] for name in order[_LOUDEST:]) for k in range(len(names))]
        rows.append((f"{len(order) - _LOUDEST} others together", *(_share(value) for value in rest)))
    limits = summary.get("noise_band")
    told = f", {amount(limits[0], 'Hz')} to {amount(limits[1], 'Hz')}" if limits else ""
    return Table(
        f"Parts of the noise power by element{told}, by the circuit's equations", ("element", *names), tuple(rows)
    )


def _share(value: float) -> Cell:
    return Cell(percent(value), value)


def share_table(parts: Mapping[str, Sequence[float]], names: Sequence[str]) -> Iterator[Table]:
    """The same of variances [V^2], as the folder of a circuit of one's own has them."""
    if not parts or any(len(values) != len(names) for values in parts.values()):
        return
    whole = [sum(values[k] for values in parts.values()) for k in range(len(names))]
    shares = {
        name: [value / total if total > 0 else 0.0 for value, total in zip(values, whole, strict=True)]
        for name, values in parts.items()
    }
    yield _loudest(shares, names, {})
