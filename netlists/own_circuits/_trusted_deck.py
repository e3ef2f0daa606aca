"""A netlist that somebody trusts, run as it is: nonlinear devices and commands included, and no model beside it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from ...measurements import Analysis
from .._exceptions import NetlistError, SimulationFailed
from ..simulators import Limits, Ngspice, Plot, proven_ngspice, read_raw, run_deck

_PLOTS = {"op": "Operating Point", "tran": "Transient Analysis", "ac": "AC Analysis"}
_NODE = re.compile(r"[^\s(),=;]+")
_POINTS = 400


@dataclass(frozen=True, eq=False)
class TrustedResult:
    """What ngspice said of a deck; nothing of the project's own stands beside it."""

    labels: tuple[str, ...]
    scale: Float[np.ndarray, " rows"]
    """Time [s] or frequency [Hz]; of an operating point one zero."""
    values: Float[np.ndarray, "rows n"] | Complex[np.ndarray, "rows n"]
    circuit: str
    version: str


def run_trusted(
    text: str,
    outputs: Sequence[str],
    analysis: Analysis,
    duration: float | None = None,
    band: tuple[float, float] | None = None,
    ngspice: Ngspice | None = None,
    timeout: float | None = None,
) -> TrustedResult:
    """Run a netlist of which the caller trusts the author: ngspice carries out commands that it holds.

    Args:
        text: the netlist; its own analyses are run as well.
        outputs: names of nodes.
        analysis: `op`, `tran` for a `duration`, or `ac` over a `band`.
        duration: of a transient [s].
        band: of a response [Hz].

    Raises:
        NetlistError: an analysis that is not to be had so, or names that are no nodes.
        SimulationFailed: no result, or one that is not finite.
    """
    names = [name.strip().lower() for name in outputs]
    if wrong := [name for name in names if not _NODE.fullmatch(name)]:
        raise NetlistError(f"outputs: a trusted netlist takes names of nodes alone, got {wrong[0]!r}")
    lines = [line for line in text.splitlines() if line.strip().lower() != ".end"]
    saved = " ".join(f"v({name})" for name in names)
    deck = "\n".join([*lines, f".save {saved}", _card(analysis, duration, band), ".end", ""])
    simulator = ngspice or proven_ngspice()
    limits = Limits() if timeout is None else Limits(timeout=timeout)
    found = run_deck(deck, simulator, limits)
    plot = _plot(read_raw(found.raw), _PLOTS[analysis], names, found.log)
    values = np.column_stack([plot[f"v({name})"] for name in names])
    scale = np.zeros(1) if analysis == "op" else plot.scale
    return TrustedResult(tuple(outputs), scale, values, deck, str(simulator.version))


def _card(analysis: Analysis, duration: float | None, band: tuple[float, float] | None) -> str:
    if analysis == "op":
        return ".op"
    if analysis == "tran":
        if duration is None:
            raise NetlistError("duration: a trusted netlist has no model that says when it has settled; give it")
        step = float(duration) / _POINTS
        return f".tran {step!r} {float(duration)!r} 0 {step!r}"
    if analysis == "ac":
        if band is None:
            raise NetlistError("band: a trusted netlist has no model that says where its poles are; give it")
        return f".ac dec 20 {float(band[0])!r} {float(band[1])!r}"
    raise NetlistError("analysis: noise of a trusted netlist is not compared with anything; expected op, ac or tran")


def _plot(plots: Sequence[Plot], kind: str, names: Sequence[str], log: str) -> Plot:
    for plot in reversed(plots):
        if plot.name.startswith(kind) and all(f"v({name})" in plot.variables for name in names):
            if not plot.finite:
                raise SimulationFailed(f"ngspice: {kind} with numbers that are not finite")
            return plot
    errors = [line.strip() for line in log.splitlines() if "error" in line.lower()]
    raise SimulationFailed(f"ngspice gave no {kind} of {', '.join(names)}{f': {errors[0][:200]}' if errors else ''}")
