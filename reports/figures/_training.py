"""Training: every optimiser against steps and against modelled time, with intervals over seeds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..results import Curve, LoopCourse
from ._theme import WIDTH, colours, ink

Against = Literal["steps", "time"]
_MARKERS = "osD^vP*X"
_LABELS = {"steps": "step", "time": "modelled time (s)"}


def loss_curves(curves: Sequence[Curve], against: Against) -> Figure:
    """Training loss: mean over seeds as a line, 95 % interval of the mean as a band."""
    return _curves(curves, against, "training loss (nat)")


def accuracy_curves(curves: Sequence[Curve], against: Against) -> Figure:
    """Test accuracy: the whole course above, and the last tenth of the scale below where anybody gets there."""
    close_up = any(np.nanmax(curve.mean, initial=0.0) > _CLOSE_UP for curve in curves)
    figure = Figure(figsize=(WIDTH, 5.4 if close_up else 3.4))
    panels = figure.subplots(1 + close_up, 1, sharex=True, squeeze=False)[:, 0]
    for axes in panels:
        _draw_all(axes, curves, against, factor=100.0, ends=(0.0, 100.0))
        axes.set(ylabel="test accuracy (%)")
    low, _ = panels[0].get_ylim()
    panels[0].set_ylim(max(low, 0.0), 100.0)
    panels[-1].set(xlabel=_LABELS[against])
    if close_up:
        panels[1].set(ylim=(100 * _CLOSE_UP, 100.0), title=f"the same from {100 * _CLOSE_UP:.0f} % up")
    _legend(figure, panels[0])
    return figure


_CLOSE_UP = 0.9
"""Accuracy beyond which differences need a scale of their own."""


def loop_courses(courses: Sequence[LoopCourse]) -> Figure:
    """A line for each run: damping, with a mark where the policy acted, the largest eigenvalue, the fastest mode."""
    figure = Figure(figsize=(WIDTH, 7.6))
    panels = figure.subplots(4, 1, sharex=True)
    names = tuple(dict.fromkeys(course.name for course in courses))
    for course in courses:
        _draw_course(panels, course, names.index(course.name), first=_first_of(courses, course))
    damping, largest, fastest, slack = panels
    for axes, values in ((damping, "damping"), (largest, "lambda_max")):
        if any((getattr(course, values) > 0.0).any() for course in courses):
            axes.set_yscale("log")  # which has no place for a number that was not told
    damping.set(ylabel="damping")
    largest.set(ylabel="largest eigenvalue\n(1/τ)")
    fastest.axhline(0.0, color=ink(), linewidth=0.8, zorder=1)
    fastest.set_yscale("symlog", linthresh=_SMALL_RATE)
    fastest.set_ylabel("fastest mode grows\nwith (1/τ)")
    slack.set(ylabel="damping to spare\n(%)", ylim=(-5.0, 105.0), xlabel=_LABELS["steps"])
    slack.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(figure, damping)
    return figure


_SMALL_RATE = 0.01
"""Rate of a mode [1/tau] below which the axis is linear: over a hundred time constants it does next to nothing."""


def _first_of(courses: Sequence[LoopCourse], course: LoopCourse) -> bool:
    """Whether it is the first of its name, which alone stands in the legend."""
    return next(one for one in courses if one.name == course.name) is course


def _draw_course(panels: Iterable[Axes], course: LoopCourse, k: int, first: bool) -> None:
    style: dict[str, Any] = {"color": colours()[k % 8], "linewidth": 1.0, "alpha": 0.8}
    damping, largest, fastest, slack = panels
    damping.plot(course.step, course.damping, label=course.name if first else None, **style)
    damping.plot(
        course.step[course.acted],
        course.damping[course.acted],
        "^",
        color=colours()[k % 8],
        markersize=6,
        label=f"{course.name}: policy acted" if first else None,
    )
    largest.plot(course.step, course.lambda_max, **style)
    fastest.plot(course.step, course.growth, **style)
    fastest.plot(course.step, course.limit, ":", **style)
    slack.plot(course.step, 100.0 * course.slack, **style)


def time_parts(parts: Mapping[str, Mapping[str, float]]) -> Figure:
    """Modelled time of one step [s] by part, one row for each optimiser; dots, since a logarithmic axis has no zero."""
    names = tuple(dict.fromkeys(part for row in parts.values() for part in row))
    figure = Figure(figsize=(WIDTH, 0.4 * len(parts) + 1.6))
    axes = figure.add_subplot()
    for k, name in enumerate(names):
        rows = [(row[name], i) for i, row in enumerate(parts.values()) if row.get(name, 0) > 0]
        axes.plot(*np.array(rows, dtype=float).reshape(-1, 2).T, _MARKERS[k % 8], color=colours()[k % 8], label=name)
    axes.set_xscale("log")
    axes.set_yticks(range(len(parts)), labels=list(parts))
    axes.set_ylim(len(parts) - 0.5, -0.5)
    axes.set(xlabel="modelled time per step (s)")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _curves(curves: Sequence[Curve], against: Against, label: str) -> Figure:
    figure = Figure(figsize=(WIDTH, 3.9))
    axes = figure.add_subplot()
    _draw_all(axes, curves, against)
    axes.set_yscale("log")
    # Bands of few seeds reach over decades: the scale is that of the lines.
    positive = [value for curve in curves for value in curve.mean if np.isfinite(value) and value > 0]
    if positive:
        axes.set_ylim(min(positive) / _ROOM, max(positive) * _ROOM)
    axes.set(xlabel=_LABELS[against], ylabel=label)
    _legend(figure, axes)
    return figure


_ROOM = 1.6
"""Of a logarithmic axis beyond its lines, as a factor."""


def _draw_all(
    axes: Axes,
    curves: Sequence[Curve],
    against: Against,
    factor: float = 1.0,
    ends: tuple[float, float] = (-np.inf, np.inf),
) -> None:
    """`ends`: what a value can be at most; a band goes no further."""
    for k, curve in enumerate(curves):
        x = curve.time if against == "time" else curve.step
        if x is not None:
            # Before the first step no time has passed, and a logarithmic axis has no zero.
            _draw(axes, np.where(x > 0, x, np.nan) if against == "time" else x, curve, factor, k, ends)
    if against == "time":
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _legend(figure: Figure, axes: Axes) -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)


def _draw(axes: Axes, x: np.ndarray, curve: Curve, factor: float, k: int, ends: tuple[float, float]) -> None:
    colour = colours()[k % 8]
    style = ("-", "--", ":", "-.")[k % 4]
    low = np.clip(factor * curve.low, *ends)
    high = np.clip(factor * curve.high, *ends)
    axes.fill_between(x, low, high, color=colour, alpha=0.14, linewidth=0, zorder=1)
    axes.plot(x, factor * curve.mean, style, color=colour, label=curve.name, zorder=3)
