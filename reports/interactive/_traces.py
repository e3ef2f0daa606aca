"""A drawn figure as plotly's traces: what is seen is the same, line by line, and nothing is drawn twice."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import AxLine, Line2D
from matplotlib.patches import Rectangle

from ..figures import Theme

_DASHES = {"-": "solid", "--": "dash", "-.": "dashdot", ":": "dot"}
_MARKERS = {"o": "circle", "s": "square", "D": "diamond", "^": "triangle-up", "v": "triangle-down", "x": "x", "X": "x",
            "P": "cross", "*": "star"}  # fmt: skip
_POINTS_PER_INCH = 72.0
_PIXELS_PER_INCH = 96.0


def plotly_figure(figure: Figure, theme: Theme) -> dict[str, Any] | None:
    """`data` and `layout`; None of a figure that plotly cannot show, such as a schematic or a map of colours."""
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    if not panels or any(axes.images or not axes.axison for axes in panels):
        return None
    named = _legend_names(figure)
    for legend in list(figure.legends):
        legend.remove()
    # Places of panels are known once the figure is laid out.
    figure.draw_without_rendering()
    data: list[dict[str, Any]] = []
    layout = _layout(figure, theme)
    for k, axes in enumerate(panels, start=1):
        end = "" if k == 1 else str(k)
        layout[f"xaxis{end}"] = _axis(axes, "x", theme, end)
        layout[f"yaxis{end}"] = _axis(axes, "y", theme, end)
        if axes.get_title("left") or axes.get_title():
            layout["annotations"].append(_title(axes, theme))
        data += [{**trace, "xaxis": f"x{end}", "yaxis": f"y{end}"} for trace in _traces(axes)]
    _name(data, named)
    return {"data": data, "layout": layout}


_LEGEND = 64
"""Pixels below the panels for two lines of names."""


def _layout(figure: Figure, theme: Theme) -> dict[str, Any]:
    height = figure.get_figheight() * _PIXELS_PER_INCH
    return {
        "height": round(height) + _LEGEND,
        "margin": {"l": 0, "r": 0, "t": 32, "b": _LEGEND},
        "paper_bgcolor": theme.paper,
        "plot_bgcolor": theme.paper,
        "font": {"color": theme.ink, "size": 13},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 0, "yanchor": "bottom", "yref": "container"},
        "annotations": [],
    }


def _axis(axes: Axes, which: str, theme: Theme, end: str) -> dict[str, Any]:
    box = axes.get_position()
    own = axes.xaxis if which == "x" else axes.yaxis
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    logarithmic = own.get_scale() == "log"
    limits = [float(np.log10(low)), float(np.log10(high))] if logarithmic else [float(low), float(high)]
    found: dict[str, Any] = {
        "domain": [box.x0, box.x1] if which == "x" else [box.y0, box.y1],
        "anchor": f"{'y' if which == 'x' else 'x'}{end}",
        "type": "log" if logarithmic else "linear",
        "range": limits,
        "title": {"text": own.get_label_text()},
        "gridcolor": _rgba((*to_rgba(theme.muted)[:3], 0.25)),
        "linecolor": theme.muted,
        "zeroline": False,
        "automargin": True,
    }
    if which == "x" and not any(label.get_visible() for label in own.get_ticklabels()):
        found["showticklabels"] = False  # a panel below has them
    words = [label.get_text() for label in own.get_ticklabels()]
    if not logarithmic and any(_is_word(word) for word in words):
        ticks = [float(tick) for tick in own.get_ticklocs()]
        shown = [(tick, word) for tick, word in zip(ticks, words, strict=False) if word]
        found |= {"tickvals": [tick for tick, _ in shown], "ticktext": [_text(word) for _, word in shown]}
    return found


def _is_word(text: str) -> bool:
    """Whether a tick says something else than a number."""
    try:
        float(text.replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        return bool(text) and "mathdefault" not in text
    return False


def _title(axes: Axes, theme: Theme) -> dict[str, Any]:
    box = axes.get_position()
    text = axes.get_title("left") or axes.get_title()
    return {
        "text": _text(text), "x": box.x0, "y": box.y1, "xref": "paper", "yref": "paper", "xanchor": "left",
        "yanchor": "bottom", "showarrow": False, "font": {"color": theme.ink, "size": 13},
    }  # fmt: skip


def _text(text: str) -> str:
    """Plotly reads some of HTML: what comes of a file is text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br>")


def _traces(axes: Axes) -> Iterator[dict[str, Any]]:
    for patch in axes.patches:
        if isinstance(patch, Rectangle) and patch.get_width() and patch.get_height():
            yield from _bar(patch, axes)
    for collection in axes.collections:
        if isinstance(collection, LineCollection):
            yield from _bars(collection)
        elif isinstance(collection, PolyCollection):
            yield from _band(collection)
        elif isinstance(collection, PathCollection):
            yield _dots(collection)
    for line in axes.lines:
        if (trace := _line(line, axes)) is not None:
            yield trace


def _values(values: Any) -> list[float | None]:
    # Six digits are more than a screen shows, and half of what a page would hold.
    return [float(f"{v:.6g}") if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]


_MOST_POINTS = 2000


def _thinned(x: Any, y: Any) -> tuple[Any, Any]:
    """Of a long line the lowest and the highest point of each piece, in their order: the eye sees the same."""
    if len(x) <= _MOST_POINTS:
        return x, y
    kept: list[int] = []
    for piece in np.array_split(np.arange(len(x)), _MOST_POINTS // 2):
        here = y[piece]
        if np.isfinite(here).any():
            kept += sorted({int(piece[np.nanargmin(here)]), int(piece[np.nanargmax(here)])})
    return x[kept], y[kept]


def _line(line: Line2D, axes: Axes) -> dict[str, Any] | None:
    x, y = (np.asarray(values, dtype=float) for values in (line.get_xdata(), line.get_ydata()))
    if x.size == 0:
        return None
    if line.get_transform() != axes.transData:
        x, y = _across(line, x, y, axes)
    x, y = _thinned(x, y)
    dashes = _DASHES.get(str(line.get_linestyle()))
    marker = _MARKERS.get(str(line.get_marker()))
    mode = "+".join(word for word, there in (("lines", dashes and line.get_linewidth()), ("markers", marker)) if there)
    if not mode:
        return None
    colour = to_hex(to_rgba(line.get_color()))
    trace: dict[str, Any] = {
        "type": "scatter", "x": _values(x), "y": _values(y), "mode": mode, "opacity": _alpha(line.get_alpha()),
        "line": {"color": colour, "width": line.get_linewidth() * 1.3, "dash": dashes or "solid"},
        "hoverinfo": "x+y" if line.get_transform() == axes.transData else "skip",
        "name": _label(line.get_label()), "showlegend": False,
    }  # fmt: skip
    if marker:
        hollow = str(line.get_markerfacecolor()) == "none"
        symbol = f"{marker}-open" if hollow else marker
        trace["marker"] = {"symbol": symbol, "size": line.get_markersize() * 1.3, "color": colour}
    return trace


def _across(line: Line2D, x: Any, y: Any, axes: Axes) -> tuple[Any, Any]:
    """Lines that go from end to end of a panel, such as those at a limit."""
    if len(set(np.asarray(y).tolist())) == 1 and list(x) == [0, 1]:
        return np.array(axes.get_xlim()), y
    if len(set(np.asarray(x).tolist())) == 1 and list(y) == [0, 1]:
        return x, np.array(axes.get_ylim())
    if isinstance(line, AxLine) and (slope := line.get_slope()) is not None:
        ends = np.array(axes.get_xlim())
        first = np.asarray(line.get_xy1(), dtype=float)
        return ends, first[1] + slope * (ends - first[0])
    return x, y


def _alpha(alpha: float | None) -> float:
    return 1.0 if alpha is None else float(alpha)


def _label(label: object) -> str:
    text = str(label)
    return "" if text.startswith("_") else _text(text)


def _bar(patch: Rectangle, axes: Axes) -> Iterator[dict[str, Any]]:
    x0, y0 = patch.get_xy()
    x1 = x0 + patch.get_width()
    y1 = y0 + patch.get_height()
    if (y0, y1) == (0, 1) and patch.get_data_transform() != axes.transData:
        y0, y1 = axes.get_ylim()  # a band from end to end of the panel
    yield {
        "type": "scatter", "x": _values([x0, x1, x1, x0, x0]), "y": _values([y0, y0, y1, y1, y0]), "mode": "lines",
        "fill": "toself", "fillcolor": _rgba(patch.get_facecolor()), "line": {"width": 0}, "hoverinfo": "skip",
        "name": _label(patch.get_label()), "showlegend": False,
    }  # fmt: skip


def _band(collection: PolyCollection) -> Iterator[dict[str, Any]]:
    for path in collection.get_paths():
        x, y = np.asarray(path.vertices).T
        yield {
            "type": "scatter", "x": _values(x), "y": _values(y), "mode": "lines", "fill": "toself",
            "line": {"width": 0}, "fillcolor": _rgba(collection.get_facecolor()[0]), "hoverinfo": "skip",
            "name": _label(collection.get_label()), "showlegend": False,
        }  # fmt: skip


def _bars(collection: LineCollection) -> Iterator[dict[str, Any]]:
    """Error bars, with gaps between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    for segment in collection.get_segments():
        x += [*_values(np.asarray(segment)[:, 0]), None]
        y += [*_values(np.asarray(segment)[:, 1]), None]
    if x:
        colour = _rgba(collection.get_color()[0])
        yield {
            "type": "scatter", "x": x, "y": y, "mode": "lines", "hoverinfo": "skip", "name": "", "showlegend": False,
            "line": {"color": colour, "width": float(np.atleast_1d(collection.get_linewidth())[0]) * 1.3},
        }  # fmt: skip


def _dots(collection: PathCollection) -> dict[str, Any]:
    x, y = np.asarray(collection.get_offsets(), dtype=float).T
    return {
        "type": "scatter", "x": _values(x), "y": _values(y), "mode": "markers", "hoverinfo": "x+y",
        "marker": {"size": 6, "color": _rgba(collection.get_facecolor()[0])}, "name": _label(collection.get_label()),
        "showlegend": False,
    }  # fmt: skip


def _rgba(colour: Any) -> str:
    r, g, b, a = to_rgba(colour)
    return f"rgba({round(255 * r)},{round(255 * g)},{round(255 * b)},{a:.3g})"


def _legend_names(figure: Figure) -> dict[str, str]:
    """Names of colours in the figure's legends: a line that has none of its own is found by its colour."""
    found: dict[str, str] = {}
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
    for legend in (one for one in legends if one is not None):
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            if (colour := _colour_of(handle)) is not None:
                found.setdefault(colour, _text(text.get_text()))
    return found


def _colour_of(handle: Any) -> str | None:
    """Of what stands in a legend: a line, dots, or bars, which have a colour for each."""
    one = handle.lines[0] if hasattr(handle, "lines") else handle
    colour = getattr(one, "get_color", lambda: None)()
    if colour is None:
        return None
    rows = np.atleast_2d(colour) if not isinstance(colour, str) else [colour]
    return to_hex(to_rgba(tuple(rows[0]) if not isinstance(rows[0], str) else rows[0]))


def _name(data: list[dict[str, Any]], named: dict[str, str]) -> None:
    """Names in the legend, each once; a click on one hides all that bears it."""
    seen: set[str] = set()
    for trace in data:
        colour = trace.get("line", {}).get("color") or trace.get("marker", {}).get("color")
        name = trace["name"] or named.get(str(colour), "")
        if not name:
            continue
        trace |= {"name": name, "legendgroup": name, "showlegend": name not in seen and trace["hoverinfo"] != "skip"}
        if trace["showlegend"]:
            seen.add(name)
