"""Maps over two parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes as Axes
from matplotlib.figure import Figure as Figure
from matplotlib.image import AxesImage as AxesImage

from ..runs import Record
from ..studies import Limit, Study
from ._axes import SIZE, Row, limits_of, widened
from ._labels import cell_label, limit_words, metric_label, parameter_label, scale_of, text_of, value_label


@dataclass(frozen=True, eq=False)
class _Grid:
    """Runs by their values of two parameters.

    Attributes:
        across: values of the first parameter, as text, in the order of the study.
        up: those of the second.
        records: runs of a cell, by its row and column.
        values: what is shown of a cell; not a number where there is nothing to show.
    """

    across: list[str]
    up: list[str]
    records: Mapping[tuple[int, int], list[Record]]
    values: Float[np.ndarray, "up across"]

    @classmethod
    def of(cls, rows: Sequence[Row], metric: str, first: str, second: str, limits: Sequence[Limit]) -> "_Grid":
        across = list(dict.fromkeys(text_of(run.values[first]) for run, _ in rows))
        up = list(dict.fromkeys(text_of(run.values[second]) for run, _ in rows))
        records: dict[tuple[int, int], list[Record]] = {}
        for run, record in rows:
            place = up.index(text_of(run.values[second])), across.index(text_of(run.values[first]))
            records.setdefault(place, []).append(record)
        values = np.full((len(up), len(across)), np.nan)
        for place, of_cell in records.items():
            values[place] = cell_label(of_cell, metric, limits)
        return cls(across, up, records, values)

    def failed(self, place: tuple[int, int]) -> int:
        """Runs of a cell that failed."""
        return sum(record["status"] == "failed" for record in self.records.get(place, ()))

    @property
    def survivors(self) -> Float[np.ndarray, "up across"]:
        """The values, without those of cells that lost runs: the mean of the survivors may look best."""
        values = self.values.copy()
        for place in self.records:
            if self.failed(place):
                values[place] = np.nan
        return values


def draw_map(study: Study, rows: Sequence[Row], metric: str, first: str, second: str) -> Figure:
    """Means of a metric over two parameters, or yields where it has limits."""
    limits = limits_of(study, metric)
    grid = _Grid.of(rows, metric, first, second, limits)
    finite = grid.values[np.isfinite(grid.values)]
    factor, unit = (1e-2, "%") if limits else scale_of(list(finite), study.metrics[metric].unit, metric)
    figure = Figure(figsize=(SIZE[0], 4.2))
    axes = figure.add_subplot()
    # A yield counts lost runs as not kept, and has its colour all the same.
    coloured = grid.values if limits else grid.survivors
    image = _coloured(axes, coloured, factor, bool(limits))
    # What has no colour is white.
    bright = np.ma.filled(image.norm(np.ma.masked_invalid(coloured / factor)), 1.0) > 0.5
    _write_numbers(axes, grid, bright, factor)
    axes.grid(False)
    axes.set_xticks(range(len(grid.across)), labels=[_shown(rows, first, value) for value in grid.across])
    axes.set_yticks(range(len(grid.up)), labels=[_shown(rows, second, value) for value in grid.up])
    what = _what(study, metric, limits)
    figure.colorbar(image, ax=axes, label=f"{what} ({unit})" if unit else what)
    axes.set(xlabel=parameter_label(first, ""), ylabel=parameter_label(second, ""), title=study.name)
    return figure


def _coloured(axes: Axes, values: Float[np.ndarray, "up across"], factor: float, is_yield: bool) -> AxesImage:
    wide = widened(values[np.isfinite(values)].tolist())
    return axes.imshow(
        values / factor,
        origin="lower",
        aspect="auto",
        cmap="cividis",
        vmin=0 if is_yield else None,
        vmax=100 if is_yield else None,
        norm="log" if wide and not is_yield else None,
    )


def _write_numbers(axes: Axes, grid: _Grid, bright: Bool[np.ndarray, "up across"], factor: float) -> None:
    """Each cell's number on its colour, with how many of its runs failed: the mean is of the others."""
    for (row, column), value in np.ndenumerate(grid.values / factor):
        failed = grid.failed((row, column))
        number = f"{value:.3g}" if np.isfinite(value) else "–"
        axes.text(
            column,
            row,
            f"{number}\n{failed} failed" if failed else number,
            ha="center",
            va="center",
            color="black" if bright[row, column] else "white",
            fontsize=8 if failed else None,
        )


def _what(study: Study, metric: str, limits: Sequence[Limit]) -> str:
    if not limits:
        return metric_label(study, metric, "")
    factor, unit = scale_of(_bounds(limits), study.metrics[metric].unit, metric)
    return f"yield: {' and '.join(limit_words(limit, unit, factor) for limit in limits)}"


def _bounds(limits: Sequence[Limit]) -> list[float]:
    return [value for limit in limits for value in (limit.at_most, limit.at_least) if value is not None]


def _shown(rows: Sequence[Row], name: str, text: str) -> str:
    """A value with its unit."""
    return next(value_label(name, run.values[name]) for run, _ in rows if text_of(run.values[name]) == text)
