"""Programs on a device: an interior point on its way, and a mean with its band."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..figures import WIDTH, colours, ink


def interior_point(columns: Mapping[str, Sequence[float]]) -> Figure:
    """Gap and mean product of slacks over the iterations, and what the device meanwhile holds.

    Args:
        columns: `mu`, `gap`, `condition`, `scaled_condition`, `conductance_range` and `analog_s` of each iteration.
    """
    figure = Figure(figsize=(WIDTH, 6.0))
    above, below = figure.subplots(2, 1, sharex=True)
    steps = np.arange(1, len(columns["mu"]) + 1)
    for k, (name, label) in enumerate((("gap", "relative gap"), ("mu", "mu"))):
        above.semilogy(steps, _positive(columns[name]), "o-", markersize=3.5, color=colours()[k], label=label)
    above.set(ylabel="scaled units")
    above.legend()
    rows = (
        ("condition", "condition of H"),
        ("conductance_range", "range of its entries"),
        ("scaled_condition", "condition of D H D, which is loaded"),
    )
    for k, (name, label) in enumerate(rows):
        below.semilogy(steps, _positive(columns[name]), "o-", markersize=3.5, color=colours()[k], label=label)
    below.set(xlabel="iteration", ylabel="ratio")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.legend()
    return figure


def band(
    x: Float[np.ndarray, " points"],
    mean: Float[np.ndarray, " points"],
    half: Float[np.ndarray, " points"],
    seen: Float[np.ndarray, " points"] | None,
    label: str,
) -> Figure:
    """A mean with its interval of 95 %, and what was seen or is right.

    Args:
        x: along the axis that `label` names.
        mean, half: of the device, and half the width of the interval.
        seen: dots beside it.
    """
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.add_subplot()
    if label in _UNORDERED:
        # Between these there is nothing that a line could stand for.
        axes.errorbar(x, mean, half, fmt="D", color=colours()[0], markersize=5, capsize=4, label="device, 95 %")
        axes.set_xticks(x)
    else:
        axes.fill_between(x, mean - half, mean + half, color=colours()[0], alpha=0.2, linewidth=0, label="95 %")
        axes.plot(x, mean, color=colours()[0], label="device")
    if seen is not None:
        axes.plot(x, seen, "o", markersize=2.5, color=ink(), alpha=0.6, zorder=3, label="digital or observed")
    axes.set(xlabel=label, ylabel=f"value of the {label}" if label in _UNORDERED else "predicted value")
    axes.legend()
    return figure


_UNORDERED = ("weight",)
"""Labels of what stands in no order."""


def _positive(values: Sequence[float]) -> Float[np.ndarray, " n"]:
    """Zeros have no logarithm: they are left out."""
    array = np.asarray(values, dtype=float)
    return np.where(array > 0, array, np.nan)
