"""Maps over two parameters."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Figure

from ..runs import Record
from ..studies import Limit, Study
from ._axes import SIZE, Row, limits_of, widened
from ._labels import cell_label, limit_words, metric_label, parameter_label, scale_of, text_of, value_label


def draw_map(study: Study, rows: Sequence[Row], metric: str, first: str, second: str) -> Figure:
    across, up = (list(dict.fromkeys(text_of(run.values[name]) for run, _ in rows)) for name in (first, second))
    limits = limits_of(study, metric)
    cells: dict[tuple[int, int], list[Record]] = {}
    for run, record in rows:
        place = up.index(text_of(run.values[second])), across.index(text_of(run.values[first]))
        cells.setdefault(place, []).append(record)
    shown = np.full((len(up), len(across)), np.nan)
    for place, records in cells.items():
        shown[place] = cell_label(records, metric, limits)
    factor, unit = (
        (1e-2, "%") if limits else scale_of(list(shown[np.isfinite(shown)]), study.metrics[metric].unit, metric)
    )
    figure = Figure(figsize=(SIZE[0], 4.2))
    axes = figure.add_subplot()
    coloured = shown.copy()
    if not limits:
        # The mean of the survivors may look best: what lost runs has no colour. A yield counts them as not kept.
        for place, records in cells.items():
            if any(record["status"] == "failed" for record in records):
                coloured[place] = np.nan
    image = axes.imshow(
        coloured / factor,
        origin="lower",
        aspect="auto",
        cmap="cividis",
        vmin=0 if limits else None,
        vmax=100 if limits else None,
        norm="log" if not limits and widened(coloured[np.isfinite(coloured)].tolist()) else None,
    )
    axes.grid(False)
    axes.set_xticks(range(len(across)), labels=[_shown(rows, first, value) for value in across])
    axes.set_yticks(range(len(up)), labels=[_shown(rows, second, value) for value in up])
    # What has no colour is white.
    bright = np.ma.filled(image.norm(np.ma.masked_invalid(coloured / factor)), 1.0) > 0.5
    for (row, column), value in np.ndenumerate(shown / factor):
        ink = "black" if bright[row, column] else "white"
        failed = sum(record["status"] == "failed" for record in cells.get((row, column), ()))
        # The mean is of those that were done: one that looks good may have few.
        lost = f"\n{failed} failed" if failed else ""
        shown_value = f"{value:.3g}" if np.isfinite(value) else "–"
        axes.text(
            column, row, f"{shown_value}{lost}", ha="center", va="center", color=ink, fontsize=8 if lost else None
        )
    bound_factor, bound_unit = scale_of(_bounds(limits), study.metrics[metric].unit, metric)
    bounds = " and ".join(limit_words(limit, bound_unit, bound_factor) for limit in limits)
    what = f"yield: {bounds}" if limits else metric_label(study, metric, "")
    figure.colorbar(image, ax=axes, label=f"{what} ({unit})" if unit else what)
    axes.set(
        xlabel=parameter_label(first, ""),
        ylabel=parameter_label(second, ""),
        title=f"{study.name}",
    )
    return figure


def _bounds(limits: Sequence[Limit]) -> list[float]:
    return [value for limit in limits for value in (limit.at_most, limit.at_least) if value is not None]


def _shown(rows: Sequence[Row], name: str, text: str) -> str:
    """A value with its unit."""
    return next(value_label(name, run.values[name]) for run, _ in rows if text_of(run.values[name]) == text)
