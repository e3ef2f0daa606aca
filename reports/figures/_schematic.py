"""The circuit of one cell with its row, as it is built at level `macro`."""

from importlib import import_module
from typing import Any

from matplotlib.figure import Figure

from ._theme import ink


class _Elements:
    """schemdraw's elements, loaded with the first drawing: no other figure needs them. They are only partly typed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("schemdraw.elements"), name)


elm: Any = _Elements()


def schematic(topology: str, n: int) -> Figure:
    """One cell of a crossbar with its row of resistors, or one cell of an RC mesh with a neighbour.

    Raises:
        KeyError: no drawing for this topology.
    """
    draw, size = {"crossbar": (_crossbar, (5.2, 6.2)), "rc-mesh": (_rc_mesh, (5.2, 2.8))}[topology]
    figure = Figure(figsize=size)
    schemdraw: Any = import_module("schemdraw")
    drawing = schemdraw.Drawing(canvas=figure.add_subplot(), show=False)
    drawing.config(color=ink(), fontsize=10, lw=1.2, unit=2.4)
    draw(drawing, n)
    drawing.draw(show=False)
    return _finish(figure)


def _crossbar(d: Any, n: int) -> None:
    columns = [str(j) for j in range(1, n + 1)] if n <= 3 else ["1", "2", str(n)]
    _row(d, columns, gap=n > 3)
    _integrator(d)
    _inverting_rail(d, y=-2.0 - 1.5 * len(columns) - (0.6 if n > 3 else 0.0))


def _row(d: Any, columns: list[str], gap: bool) -> None:
    _terminal(d, (0.0, 0.0), "$-b_i$", "$R_0$")
    y = 0.0
    for k, j in enumerate(columns):
        y -= 1.5 + (0.6 if gap and k == 2 else 0.0)
        _terminal(d, (0.0, y), rf"$\pm v_{{{j}}}$", rf"$R_0/|A_{{i{j}}}|$")
        if k < len(columns) - 1:
            d += elm.Dot().at((2.4, y))
        if gap and k == 1:
            d += elm.Label().at((1.2, y - 1.05)).label("⋮", fontsize=12)
    d += elm.Line().at((2.4, 0)).to((2.4, y))


def _terminal(d: Any, at: tuple[float, float], name: str, resistance: str) -> None:
    d += elm.Resistor().at(at).to((2.4, at[1])).label(resistance, fontsize=9)
    d += elm.Dot(open=True).at(at).label(name, loc="left")


def _integrator(d: Any) -> None:
    d += elm.Dot().at((2.4, 0))
    _stage(d, 0.0, elm.Capacitor, "$C$", "$v_i$")


def _inverting_rail(d: Any, y: float) -> None:
    _terminal(d, (0.0, y), "$v_j$", "$R_0$")
    _stage(d, y, elm.Resistor, "$R_0$", "$-v_j$")


def _stage(d: Any, y: float, feedback: Any, value: str, output: str) -> None:
    """An inverting amplifier whose input node is at (2.4, y)."""
    d += (amplifier := elm.Opamp().at((4.0, y)).anchor("in1").right())
    d += elm.Line().at((2.4, y)).to(amplifier.in1)
    d += elm.Line().at(amplifier.in2).left().length(0.4)
    d += elm.Ground()
    out_x, out_y = amplifier.out
    d += elm.Line().at((3.4, y)).to((3.4, y + 1.2))
    d += elm.Dot().at((3.4, y))
    d += feedback().at((3.4, y + 1.2)).to((out_x + 0.4, y + 1.2)).label(value)
    d += elm.Line().to((out_x + 0.4, out_y))
    d += elm.Dot()
    d += elm.Line().at((out_x, out_y)).to((out_x + 1.2, out_y))
    d += elm.Dot(open=True).label(output, loc="right")


def _rc_mesh(d: Any, n: int) -> None:
    d += elm.SourceI().at((0, -2.4)).to((0, 0)).label("$b_i/R_0$")
    d += elm.Ground().at((0, -2.4))
    d += elm.Line().at((0, 0)).to((5.2, 0))
    d += elm.Capacitor().at((2.6, 0)).down().label("$C$", loc="bottom")
    d += elm.Ground()
    d += elm.Dot().at((2.6, 0)).label("$v_i$", loc="top")
    d += elm.Resistor().at((5.2, 0)).down().label(r"$R_0/\sum_j A_{ij}$", loc="bottom", fontsize=9)
    d += elm.Ground()
    if n > 1:
        d += elm.Dot().at((5.2, 0))
        d += elm.Resistor().at((5.2, 0)).right().label("$R_0/|A_{ij}|$")
        d += elm.Dot(open=True).label("$v_j$", loc="right")


def _finish(figure: Figure) -> Figure:
    axes = figure.axes[0]
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.grid(False)
    axes.autoscale()
    axes.margins(0.06)
    return figure
