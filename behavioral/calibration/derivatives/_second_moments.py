"""Cross-spectra and covariances over a band, with their derivatives by every parameter."""

from collections.abc import Sequence
from math import pi

import numpy as np
from jaxtyping import Complex, Float

from ._changes import picks
from ._sensitivity import Sensitivity
from ._spectra import covariance

Pairs = Sequence[tuple[int, int]]

_NODES = 16
"""Of Gauss and Legendre's rule on each piece of a band: a rational function of the frequency is smooth there."""

_PER_DECADE = 3
_FIRST = 1e-4
"""Of the slowest rate: below, a spectrum is what it is there."""

_PEAK = (-30.0, -10.0, -3.0, -1.0, 0.0, 1.0, 3.0, 10.0, 30.0)
"""Ends of pieces about a resonance, in units of its width."""


def cross_spectra(
    circuit: Sensitivity, frequencies: Float[np.ndarray, " f"], pairs: Pairs, size: int
) -> tuple[Complex[np.ndarray, "f k"], Complex[np.ndarray, "f k p"]]:
    """One-sided `<V_i V_j*>` [V^2/Hz] of pairs of readouts, `2 sum_s S_s h_is conj(h_js)`, and its derivatives.

    By polarisation: a cross-spectrum is half of what the densities of `v_i + v_j` and of `v_i + i v_j` have beyond
    those of both.
    """
    n = len(circuit.M)
    single = sorted({i for pair in pairs for i in pair})
    mixed = [pair for pair in pairs if pair[0] != pair[1]]
    unit = np.eye(n, dtype=complex)
    rows = [
        *(unit[i] for i in single),
        *(unit[i] + unit[j] for i, j in mixed),
        *(unit[i] + 1j * unit[j] for i, j in mixed),
    ]
    power, slope = _densities(circuit, np.array(rows), frequencies, size)
    place = {i: k for k, i in enumerate(single)}
    values = np.empty((len(frequencies), len(pairs)), dtype=complex)
    slopes = np.empty((len(frequencies), len(pairs), size), dtype=complex)
    for k, (i, j) in enumerate(pairs):
        if i == j:
            values[:, k], slopes[:, k] = power[:, place[i]], slope[:, place[i]]
            continue
        real, imaginary = (len(single) + half * len(mixed) + mixed.index((i, j)) for half in (0, 1))
        for found, given in ((values, power), (slopes, slope)):
            own = given[:, place[i]] + given[:, place[j]]
            found[:, k] = ((given[:, real] - own) + 1j * (given[:, imaginary] - own)) / 2
    return values, slopes


def _densities(
    circuit: Sensitivity, T: Complex[np.ndarray, "r n"], frequencies: Float[np.ndarray, " f"], size: int
) -> tuple[Float[np.ndarray, "f r"], Float[np.ndarray, "f r p"]]:
    """As `densities`, of sums `T v` of the readouts."""
    m, modes, S = circuit.m, circuit.modes, circuit.densities
    M, D, direct = T @ circuit.M, T @ circuit.D, T @ circuit.direct
    left, noise, forcing = M @ modes.V, modes.W @ circuit.L, modes.W @ circuit.forcing
    seen, at_once = circuit.row[:, :m] @ modes.V, circuit.row[:, m + 2 :]
    by_parameter, by_owner = picks(circuit.parameter, size), picks(circuit.owner, size)
    psd = np.empty((len(frequencies), len(T)))
    jacobian = np.empty((len(frequencies), len(T), size))
    for k, f in enumerate(frequencies):
        once = 1 / (2j * pi * f + modes.lam)
        h = (left * once) @ noise + D
        power = np.abs(h) ** 2
        psd[k] = 2 * power @ S
        G = circuit.spread((left * once) @ forcing + direct)
        weighted = np.conj(h) * S
        q = ((weighted @ noise.T) * once) @ seen.T + weighted @ at_once.T
        through = by_parameter @ (4 * (G * q).real).T
        sources = by_owner @ (2 * power[:, circuit.source] * circuit.slope).T
        jacobian[k] = (through + sources).T
    return psd, jacobian


def covariances(
    circuit: Sensitivity, bands: Sequence[tuple[float, float] | None], pairs: Pairs, size: int
) -> tuple[Float[np.ndarray, "b k"], Float[np.ndarray, "b k p"]]:
    """Covariance of pairs of readouts [V^2] over bands [Hz], None for all frequencies, and its derivatives."""
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    values, slopes = [], []
    for band in bands:
        if band is None:
            P, change = covariance(circuit, size)
            values.append(P[first, second])
            slopes.append(change[first, second])
            continue
        f, weights = _quadrature(circuit.modes.lam, band)
        S, slope = cross_spectra(circuit, f, pairs, size)
        values.append(weights @ S.real)
        slopes.append(np.einsum("f,fkp->kp", weights, slope.real))
    return np.array(values), np.array(slopes)


def _quadrature(
    rates: Complex[np.ndarray, " m"], band: tuple[float, float]
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, " f"]]:
    """Frequencies [Hz] and their weights [Hz] for an integral over a band."""
    low, high = band
    begin = max(low, min(_FIRST * float(np.abs(rates).min()) / (2 * pi), high / 2))
    count = max(int(np.ceil(_PER_DECADE * np.log10(high / begin))), 1)
    ends = {float(f) for f in np.geomspace(begin, high, count + 1)}
    # Overdamped modes need no pieces of their own.
    for rate in rates[rates.imag > np.abs(rates.real)]:
        about = (rate.imag + np.array(_PEAK) * abs(rate.real)) / (2 * pi)
        ends |= {float(f) for f in about if begin < f < high}
    edges = np.array(sorted(ends))
    x, w = np.polynomial.legendre.leggauss(_NODES)
    half = np.diff(edges) / 2
    nodes = (edges[:-1] + half)[:, None] + half[:, None] * x
    f, weights = nodes.ravel(), (half[:, None] * w).ravel()
    if begin > low:
        f, weights = np.append(f, begin), np.append(weights, begin - low)
    return f, weights
