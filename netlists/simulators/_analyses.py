"""Analysis lines of a deck, what a good run of them leaves, and how their plots become arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from scipy.interpolate import CubicSpline

from .._exceptions import SimulationFailed
from ..timing import Grid, Steps
from ._raw_file import Plot
from ._verdict import Expected

_KLU_NODES = 50


@dataclass(frozen=True, slots=True)
class Deck:
    """Text that ngspice runs as it is, and what a good run leaves."""

    text: str
    expected: Expected


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Errors that do not matter: relative, of a charge [C] (ngspice's own 1e-14 C if None), of a voltage [V].

    With the defaults a linear circuit follows its exact solution to better than 1e-4 of the swing.
    """

    relative: float = 3e-7
    charge: float | None = None
    voltage: float = 1e-8


DEFAULT_TOLERANCE = Tolerance()


def klu_pays(nodes: int) -> bool:
    """Is a circuit large enough for the KLU solver? It pays above some tens of nodes."""
    return nodes > _KLU_NODES


OPTIONS = ".options reltol="
"""Begins the line of the solver's options, the first one behind the circuit."""


def options(klu: bool, tolerance: Tolerance = DEFAULT_TOLERANCE, seed: int | None = None) -> str:
    """The solver's options.

    Args:
        klu: solve with KLU, which the ngspice must have.
        tolerance: errors that do not matter.
        seed: of the random sources.
    """
    words = [_text(tolerance.relative), f"vntol={_text(tolerance.voltage)}", "abstol=1e-14"]
    words += [f"chgtol={_text(tolerance.charge)}"] if tolerance.charge is not None else []
    words += ["klu"] if klu else []
    words += [f"seed={int(seed)}"] if seed is not None else []
    return f"{OPTIONS}{' '.join(words)}\n"


def op_deck(circuit: str, outputs: Sequence[str]) -> Deck:
    """Settled voltages."""
    names = _voltages(outputs)
    text = _deck(circuit, f".save {' '.join(names)}", ".op", f".print op {' '.join(names)}")
    return Deck(text, Expected("Operating Point", names, (1,)))


def ac_deck(circuit: str, outputs: Sequence[str], grid: Grid) -> Deck:
    """Response to the whole drive."""
    names = _voltages(outputs)
    line = f".ac dec {grid.density} {_text(grid.start)} {_text(grid.stop)}"
    text = _deck(circuit, f".save {' '.join(names)}", line, f".print ac {' '.join(names)}")
    return Deck(text, Expected("AC Analysis", names, (grid.rows,)))


def tran_deck(circuit: str, outputs: Sequence[str], steps: Steps, from_rest: bool = True) -> Deck:
    """Waveforms from the capacitors' initial voltages, or else from the circuit's operating point."""
    names = _voltages(outputs)
    line = f".tran {_text(steps.first)} {_text(steps.duration)} 0 {_text(steps.largest)}{' uic' if from_rest else ''}"
    text = _deck(circuit, f".save {' '.join(names)}", line, f".print tran {' '.join(names)}")
    return Deck(text, Expected("Transient Analysis", names, last=steps.duration))


def noise_deck(circuit: str, pairs: Sequence[tuple[str, ...]], source: str, grid: Grid) -> Deck:
    """Noise spectra of voltages (one node) and of differences (two nodes), one analysis each."""
    lines = [
        f".noise v({','.join(pair)}) {source} dec {grid.density} {_text(grid.start)} {_text(stop)}"
        # The first analysis has one point more than the others: ngspice may run them in any direction.
        for pair, stop in zip(pairs, (grid.beyond, *[grid.stop] * (len(pairs) - 1)), strict=True)
    ]
    # Without the integral in the list, ngspice calls its second noise plot an error.
    save, show = ".save onoise_spectrum onoise_total", ".print noise onoise_spectrum"
    rows = (grid.rows + 1, *[grid.rows] * (len(pairs) - 1))
    expected = Expected("Noise Spectral Density Curves", ("onoise_spectrum",), rows)
    return Deck(_deck(circuit, save, *lines, show), expected)


def _text(value: float) -> str:
    # A numpy float's repr is not a number to ngspice.
    return repr(float(value))


def _voltages(outputs: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"v({node})" for node in outputs)


def _deck(circuit: str, *lines: str) -> str:
    return circuit + "\n".join((*lines, ".end", ""))


def noise_pairs(outputs: Sequence[str]) -> list[tuple[str, ...]]:
    """Every readout, then every difference of two of them in row order of the upper triangle."""
    n = len(outputs)
    return [(node,) for node in outputs] + [(outputs[i], outputs[j]) for i in range(n) for j in range(i + 1, n)]


def voltages(plot: Plot, outputs: Sequence[str]) -> Float[np.ndarray, "rows n"]:
    """Readout voltages of a plot [V]."""
    return np.column_stack([plot[name].real for name in _voltages(outputs)])


def responses(plot: Plot, outputs: Sequence[str], grid: Grid) -> Complex[np.ndarray, "rows n"]:
    """Complex readout voltages of a plot [V]."""
    _check_grid(plot, grid)
    return np.column_stack([plot[name] for name in _voltages(outputs)]).astype(np.complex128)


def _check_grid(plot: Plot, grid: Grid) -> None:
    if not np.allclose(plot.scale[: grid.rows], grid.frequencies, rtol=1e-6, atol=0.0):
        raise SimulationFailed(f"ngspice's {plot.name!r} has other frequencies than it was asked for")


def held_samples(
    times: Float[np.ndarray, " rows"], values: Float[np.ndarray, "rows n"], hold: float
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k n"]]:
    """The points at whole multiples of `hold`, where the sources change: there the closed form is exact."""
    multiples = np.round(times / hold)
    # ngspice puts a point on every break; 1e-6 of a step is far above its rounding and below its smallest step.
    chosen = (np.abs(times - multiples * hold) < 1e-6 * hold) & (multiples > 0)
    found, first = np.unique(multiples[chosen], return_index=True)
    if len(found) == 0 or not np.array_equal(found, np.arange(1, found[-1] + 1)):
        raise SimulationFailed("ngspice's transient lacks points where its random sources change")
    return found * hold, values[chosen][first]


def spectra(plots: Sequence[Plot], grid: Grid) -> Float[np.ndarray, "rows k"]:
    """One-sided densities [V^2/Hz]."""
    for plot in plots:
        _check_grid(plot, grid)
    return np.column_stack([plot["onoise_spectrum"][: grid.rows].real ** 2 for plot in plots])


def covariance(
    densities: Float[np.ndarray, "rows k"], n: int, grid: Grid, band: tuple[float, float] | None = None
) -> Float[np.ndarray, "n n"]:
    """Covariance [V^2] of n readouts over all frequencies or a band, from densities in the order of `noise_pairs`.

    `2 cov(a, b) = var(a) + var(b) - var(a - b)`.
    """
    areas = integrate(densities, grid) if band is None else integrate_band(densities, grid, band)
    result = np.diag(areas[:n])
    i, j = np.triu_indices(n, 1)
    result[i, j] = result[j, i] = (areas[i] + areas[j] - areas[n:]) / 2
    return result


def integrate_band(
    densities: Float[np.ndarray, "rows k"], grid: Grid, band: tuple[float, float]
) -> Float[np.ndarray, " k"]:
    """Integral over a band that the grid covers: of a cubic spline through f S(f) over ln f."""
    frequencies = grid.frequencies
    spline = CubicSpline(np.log(frequencies), densities * frequencies[:, None])
    return np.asarray(spline.integrate(np.log(band[0]), np.log(band[1])))


def integrate(densities: Float[np.ndarray, "rows k"], grid: Grid) -> Float[np.ndarray, " k"]:
    """Integral over all frequencies: the sum of f S(f) over ln f, with S flat below the grid and as 1/f^2 above."""
    h = grid.step
    weighted = densities * grid.frequencies[:, None]
    tails = (weighted[0] + weighted[-1]) / np.expm1(h)
    return np.asarray(h * (weighted.sum(axis=0) + tails))
