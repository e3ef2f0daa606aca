"""Frequency grids."""

from dataclasses import dataclass
from math import ceil, floor, log, log10, pi

import numpy as np
from jaxtyping import Float

from .._exceptions import NetlistError
from ._checks import positive
from ._rates import Rates

_NOISE_POINTS_PER_DECADE = 20
_QUADRATURE_ERROR = 1e-8

_BAND_POINTS = 16
"""In a band, however narrow: a spline through them is right to 1e-6 of a smooth spectrum."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Logarithmic frequencies: `rows` of them from `start` [Hz], `density` in each decade."""

    start: float
    density: int
    rows: int

    @property
    def frequencies(self) -> Float[np.ndarray, " rows"]:
        """All of them [Hz]."""
        return np.asarray(self.start * np.exp(self.step * np.arange(self.rows)))

    @property
    def stop(self) -> float:
        """The last one, up by what rounding cannot reach: `.ac` stretches its grid to end there [Hz]."""
        return self._at(self.rows - 1)

    @property
    def beyond(self) -> float:
        """The same for one point more [Hz]."""
        return self._at(self.rows)

    def _at(self, k: int) -> float:
        return float(self.start * 10 ** (k / self.density) * (1 + 1e-9))

    @property
    def step(self) -> float:
        """Distance of neighbours in ln f."""
        return log(10) / self.density


_NARROWEST = 1e-6
"""Of a band, relative: closer frequencies are one, and the steps between them are lost in rounding."""


def response_grid(found: Rates, frequencies: tuple[float, float] | None, density: int | None) -> Grid:
    """Frequencies of a response: from two decades below the slowest mode to one above the fastest."""
    if frequencies is None:
        frequencies = found.slowest / (2 * pi) / 100, found.fastest / (2 * pi) * 10
    return _wide(_grid(frequencies, 100 if density is None else density))


def noise_grid(found: Rates, frequencies: tuple[float, float] | None, density: int | None) -> Grid:
    """Frequencies of a noise spectrum, wide and dense enough that its integral is right to 1e-6.

    Over ln f the integrand f S(f) is analytic in a strip as wide as the least damped pole's angle d, so that the
    sum over a grid of step h errs by about exp(-2 pi d/h) (Trefethen and Weideman, SIAM Review 56, 385, 2014).
    """
    if frequencies is None:
        frequencies = found.slowest / (2 * pi) / 300, found.fastest / (2 * pi) * 300
    return _wide(_grid(frequencies, _noise_density(found) if density is None else density))


def _wide(grid: Grid) -> Grid:
    if grid.step < _NARROWEST:
        raise NetlistError(
            "frequencies: expected them a millionth apart or more, got two that are"
            f" {grid.step:.1g} apart from {grid.start:g} Hz on"
        )
    return grid


def _noise_density(found: Rates) -> int:
    needed = log(10) * -log(_QUADRATURE_ERROR) / (2 * pi * found.damping)
    return min(max(_NOISE_POINTS_PER_DECADE, ceil(needed)), 1000)


def band_grid(found: Rates, band: tuple[float, float], density: int | None) -> Grid:
    """Frequencies of a noise spectrum from the lower end of a band to its upper end or just beyond."""
    checked = _grid(band, _noise_density(found) if density is None else density)
    decades = log10(band[1] / band[0])
    many = max(checked.density, ceil(_BAND_POINTS / decades))
    return Grid(checked.start, many, ceil(decades * many - 1e-9) + 1)


def _grid(frequencies: tuple[float, float], density: int) -> Grid:
    start, stop = (positive(f, "frequencies") for f in frequencies)
    if not start < stop:
        raise NetlistError(f"frequencies: expected the lower one first, got {start:g} and {stop:g} Hz")
    if isinstance(density, bool) or not isinstance(density, int) or not 1 <= density <= 1000:
        raise NetlistError(f"points_per_decade: expected a whole number from 1 to 1000, got {density!r}")
    # Asked for a single point, ngspice never ends.
    many = max(density, ceil(1 / log10(stop / start)))
    return Grid(start, many, floor(log10(stop / start) * many + 1e-9) + 1)
