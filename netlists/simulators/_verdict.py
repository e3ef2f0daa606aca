"""Did a run succeed? Neither ngspice's exit code nor its stderr answers that; the plots and the log together do."""

import re
from dataclasses import dataclass

import numpy as np

from .._exceptions import SimulationFailed
from ._ngspice import Run
from ._process import tail
from ._raw_file import Plot, read_raw

# Anchored where a deck's own text could contain the words. The last one: a number that ngspice could not read.
_FAILURE = re.compile(
    r"^\s*(run simulation\(s\) aborted|doAnalyses:|Error\b|Fatal error|.*Timestep too small|.*singular matrix"
    r"|warning, can't find model)",
    re.IGNORECASE,
)
_WARNING = re.compile(
    r"^\s*(warning\b|.*transient op started|.*gmin step|.*source stepping|.*source step)", re.IGNORECASE
)

_WORDS = ("error", "aborted", "doanalyses", "timestep", "singular", "warning", "op started", "gmin", "source step")
"""One of them, in lower case, is in every line that these match; most logs have none, and are then read quickly."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a good run leaves: plots called `plot` with `variables`.

    `rows` has the number of points of each, in the deck's order, None where it is not known; `last` is the last value
    of the scale if known.
    """

    plot: str
    variables: tuple[str, ...]
    rows: tuple[int | None, ...] = (None,)
    last: float | None = None


def judge(run: Run, expected: Expected) -> tuple[tuple[Plot, ...], tuple[str, ...]]:
    """The plots that were asked for in the deck's order, and the warnings in the log.

    Raises:
        SimulationFailed: with the first reason found; log lines come first, they say why.
    """
    if reason := failure(run.log):
        raise SimulationFailed(f"ngspice failed: {reason}", tail(run.log))
    try:
        plots = _in_order([plot for plot in read_raw(run.raw) if plot.name == expected.plot], expected)
        for plot in plots:
            _check(plot, expected)
    except SimulationFailed as error:
        raise SimulationFailed(str(error), tail(run.log)) from None
    return plots, tuple(line.strip() for line in _telling(run.log) if _WARNING.match(line))


def failure(log: str) -> str | None:
    """What a log says of a failure, at most 200 characters; None where it tells of none."""
    lines = _telling(log)
    for k, line in enumerate(lines):
        if _FAILURE.match(line):
            # "Error on line 3 or its substitute:" goes on in the next one.
            return " ".join(part.strip() for part in lines[k : k + 1 + line.rstrip().endswith(":")])[:200]
    return None


def remarks(log: str) -> tuple[str, ...]:
    """The lines of a log that tell of a failure, or that `judge` gives as warnings."""
    return tuple(line.strip() for line in _telling(log) if _FAILURE.match(line) or _WARNING.match(line))


def _telling(log: str) -> list[str]:
    lowered = log.lower()
    return log.splitlines() if any(word in lowered for word in _WORDS) else []


def _in_order(plots: list[Plot], expected: Expected) -> tuple[Plot, ...]:
    """ngspice runs the analyses of one kind from the last to the first; the numbers of points tell."""
    if len(plots) != len(expected.rows):
        raise SimulationFailed(f"ngspice gave {len(plots)} of {len(expected.rows)} plots {expected.plot!r}")
    for candidate in (tuple(plots), tuple(plots[::-1])):
        if all(wanted in (None, len(p.values)) for p, wanted in zip(candidate, expected.rows, strict=True)):
            return candidate
    counts = sorted({len(plot.values) for plot in plots})
    raise SimulationFailed(
        f"ngspice's {expected.plot!r} has {' or '.join(map(str, counts))} points, expected {expected.rows[-1]}"
    )


def _check(plot: Plot, expected: Expected) -> None:
    known = set(plot.variables)
    missing = [name for name in expected.variables if name not in known]
    if missing:
        raise SimulationFailed(f"ngspice's {plot.name!r} lacks {', '.join(missing)}")
    if len(plot.values) == 0:
        raise SimulationFailed(f"ngspice's {plot.name!r} has no points")
    for name in expected.variables:
        if not np.isfinite(plot[name]).all():
            raise SimulationFailed(f"ngspice's {plot.name!r}: {name} is not finite everywhere")
    if expected.last is not None:
        _check_scale(plot, expected.last)


def _check_scale(plot: Plot, last: float) -> None:
    scale = plot.scale
    if not np.isfinite(scale).all() or not (np.diff(scale) > 0).all():
        raise SimulationFailed(f"ngspice's {plot.name!r}: {plot.variables[0]} does not increase")
    if abs(scale[-1] - last) > 1e-9 * abs(last):
        raise SimulationFailed(f"ngspice's {plot.name!r} ends at {scale[-1]:g}, expected {last:g}")
