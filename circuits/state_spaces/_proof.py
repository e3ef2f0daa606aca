"""Whether a reduced circuit answers as its whole equations do, where states had to be taken out by their values."""

import numpy as np
from jaxtyping import Complex, Float

from ..networks import GROUND, Capacitor, Equations
from ._constrained import Reduced, solved

AGREEMENT = 1e-6
"""Of what the largest answer is: what takes states out drops numbers that it takes for rounding."""


_SLOWEST = 1e-6
"""Rates below it [1/s] are rounding of zero."""
_SOME = 1e3


def agrees(
    eq: Equations,
    K: Float[np.ndarray, "size size"],
    R: Float[np.ndarray, "size columns"],
    storages: Float[np.ndarray, "m m"],
    found: Reduced,
) -> bool:
    """Whether both give the same readouts, settled and at a frequency amid the poles, for every source."""
    places = (0.0, 1j * _amid(found))
    known = []
    for s in places:
        expected, answer = _whole(eq, K, R, storages, s), _reduced(found, s)
        if expected is None or answer is None:
            continue  # nothing rests, or nothing is found: there is nothing to compare
        # Offsets and bias currents, the second column, are constant: at a frequency they are none of the sources.
        kept = [k for k in range(expected.shape[1]) if s == 0 or k != 1]
        known.append((expected[:, kept], answer[:, kept]))
    # An answer of nothing at one place, as at rest behind a capacitor, has the size of the other.
    size = max((float(np.abs(expected).max(initial=0.0)) for expected, _ in known), default=0.0)
    return all(np.abs(answer - expected).max(initial=0.0) <= AGREEMENT * size for expected, answer in known)


def _amid(found: Reduced) -> float:
    """A rate amid those of the circuit [1/s]; some rate where it has none but rounding."""
    rates = np.abs(np.linalg.eigvals(np.linalg.solve(found.C, found.G))) if len(found.C) else np.zeros(0)
    moving = rates[rates > _SLOWEST]
    return float(np.median(moving)) if len(moving) else _SOME


def _reduced(found: Reduced, s: complex) -> Complex[np.ndarray, "n u"] | None:
    try:
        y = found.M @ np.linalg.solve(s * found.C + found.G + 0j, found.B) + found.D
    except np.linalg.LinAlgError:
        return None
    return y if np.isfinite(y).all() else None


def _whole(
    eq: Equations,
    K: Float[np.ndarray, "size size"],
    R: Float[np.ndarray, "size columns"],
    storages: Float[np.ndarray, "m m"],
    s: complex,
) -> Complex[np.ndarray, "n u"] | None:
    """Nothing taken out: voltages and branch currents, states, and currents of the links, all unknown."""
    size, m, links = len(K), len(eq.states), len(eq.links)
    index = {node: k for k, node in enumerate(eq.nodes)}
    A = np.zeros((size + m + links, size + m + links), dtype=complex)
    A[:size, :size] = K
    A[:size, size : size + m] = -R[:, :m]
    A[:size, size + m :] = -R[:, eq.link : eq.stimulus]
    A[size : size + m, size : size + m] = -s * storages
    for k, state in enumerate(eq.states):
        if isinstance(state, Capacitor):
            A[size + k, eq.branch[state.name]] = 1.0
        else:
            _across(A, size + k, index, state.a, state.b, 1.0)
    for k, link in enumerate(eq.links):
        A[size + m + k, size + m + k] = 1.0
        _across(A, size + m + k, index, link.a, link.b, -s * float(link.capacitance))
    given = [eq.drive, eq.drive + 1, *range(eq.stimulus, eq.columns)]
    right = np.zeros((len(A), len(given)), dtype=complex)
    right[:size] = R[:, given]
    scale = (1 / np.maximum(np.abs(A).max(axis=1), 1e-300))[:, None]
    if s == 0:
        # Where a charge is conserved nothing rests: singular but for rounding.
        still = solved((A * scale).real, (right * scale).real)
        return None if still is None else (still + 0j)[list(eq.outputs)]
    try:
        x = np.linalg.solve(A * scale, right * scale)
    except np.linalg.LinAlgError:
        return None
    return x[list(eq.outputs)] if np.isfinite(x).all() else None


def _across(A: Complex[np.ndarray, "k k"], row: int, index: dict[str, int], a: str, b: str, factor: complex) -> None:
    for node, sign in ((a, 1.0), (b, -1.0)):
        if node != GROUND:
            A[row, index[node]] += sign * factor
