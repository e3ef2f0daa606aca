"""Covariance maps."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ._si_prefixes import prefix
from ._theme import WIDTH

Square = Float[np.ndarray, "cell cell"]


def covariance_maps(spice: Square, model: Square) -> Figure:
    """Stationary covariance [V^2] from SPICE, from the model, and their difference on a scale of its own."""
    figure = Figure(figsize=(WIDTH, 2.7))
    panels = figure.subplots(1, 3)
    largest = float(np.abs(np.stack([spice, model])).max())
    left = _map(panels[0], spice, largest, "SPICE .noise")
    _map(panels[1], model, largest, "Lyapunov")
    right = _map(panels[2], model - spice, float(np.abs(model - spice).max()), "difference")
    _scale(figure, left, [panels[0], panels[1]], largest)
    _scale(figure, right, [panels[2]], float(np.abs(model - spice).max()))
    panels[0].set_ylabel("cell")
    return figure


def _map(axes: Axes, values: Square, largest: float, title: str) -> Any:
    axes.grid(False)
    axes.set(title=title, xlabel="cell")
    axes.spines[:].set_visible(False)
    ticks = np.unique(np.linspace(0, len(values) - 1, min(len(values), 4)).astype(int))
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    # Symmetric limits: white is zero, and sign is seen as colour.
    return axes.imshow(values, cmap="PuOr", vmin=-largest or -1.0, vmax=largest or 1.0)


def _scale(figure: Figure, image: Any, axes: list[Axes], largest: float) -> None:
    unit, name = _square_prefix(largest)
    bar = figure.colorbar(image, ax=axes, location="bottom", shrink=0.85, label=f"{name}V²")
    bar.set_ticks([-largest or -1.0, 0, largest or 1.0], labels=[_short(-largest / unit), "0", _short(largest / unit)])
    bar.outline.set_visible(False)


def _square_prefix(largest: float) -> tuple[float, str]:
    # The prefix belongs to the volt: (uV)^2 is 1e-12 V^2.
    factor, name = prefix(np.sqrt(largest))
    return (factor**2, name) if name else (1.0, "")


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
