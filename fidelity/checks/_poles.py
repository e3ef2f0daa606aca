"""Poles out of SPICE: from `.pz`, and fitted to `.ac` responses."""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Complex

from ..subjects import Row, Subject

_LIMIT = 1e-3
"""A tenth of a per cent, as a ratio of poles."""

_SLOPES = 4
"""Powers of s that stand for the amplifiers' poles, a hundred times faster: what is left of them is 1e-8."""
_FITTED = 8
"""Poles of rail pairs."""
_VISIBLE = 1e-2
_FIT_STEPS = 8
_GUESS = 0.05
"""How far the fit starts from the model's poles: it has to find SPICE's by itself."""


def rows(subject: Subject) -> Iterator[Row]:
    """The modes of the cells: those of the amplifiers are far beyond, and no readout shows them well."""
    poles = _of_cells(subject)
    pairs = subject.instance.topology.name == "differential-rc-mesh"
    # ngspice 39's `.pz` errs by 2e-3 where a loop closes through an amplifier that limits, and finds other roots than
    # the circuit's for four or more coupled cells with inductors: there only the responses say what the poles are.
    if subject.mean and (subject.level == "ideal" or "mesh" in subject.instance.topology.name):
        yield subject.row("pz", "poles of the cells, SPICE .pz against state space", _pz_error(subject, poles), _LIMIT)
    # The common modes of many rail pairs lie close together, and the drive excites them by mismatch alone: `.pz` only.
    if len(poles) <= _FITTED or not pairs:
        yield subject.row("ac", "poles that the drive excites, fitted to SPICE .ac", _fit_error(subject, poles), _LIMIT)


def _of_cells(subject: Subject) -> Complex[np.ndarray, " m"]:
    poles = np.asarray(subject.space().poles)
    modes = {"rlc-grid": 2, "differential-rc-mesh": 2}.get(subject.instance.topology.name, 1)
    return np.asarray(poles[np.argsort(np.abs(poles), kind="stable")][: subject.instance.topology.n * modes])


def _excited(subject: Subject, poles: Complex[np.ndarray, " m"]) -> Complex[np.ndarray, " k"]:
    """Those whose part in the responses is at least a hundredth of the largest: of the others little is seen."""
    space = subject.space()
    lam, V = np.linalg.eig(-space.F)
    parts = np.linalg.norm(space.M @ V, axis=0) * np.abs(np.linalg.solve(V, np.linalg.solve(space.C, space.drive)))
    parts = parts / np.abs(lam.real)
    mine = [int(np.argmin(np.abs(lam - pole))) for pole in poles]
    return np.asarray(poles[parts[mine] >= _VISIBLE * parts[mine].max()])


def _pz_error(subject: Subject, poles: Complex[np.ndarray, " m"]) -> float:
    node = subject.network().outputs[0]
    plot = subject.run([*subject.circuit(), f".pz {node} 0 {node} 0 cur pol"], "Pole-Zero")
    return math.nan if plot is None else _distance(np.asarray(plot.values[0], dtype=complex), poles)


def _distance(found: Complex[np.ndarray, " k"], poles: Complex[np.ndarray, " m"]) -> float:
    return float(max(np.abs(found - pole).min() / abs(pole) for pole in poles))


def _fit_error(subject: Subject, poles: Complex[np.ndarray, " m"]) -> float:
    data = subject.measure("ac")
    if data is None:
        return math.nan
    f = data["frequency"].values
    H = data["v_re"].values + 1j * data["v_im"].values
    # Beyond the cells' modes the amplifiers' begin; a slope stands for them.
    inside = 2 * math.pi * f <= 3 * np.abs(poles).max()
    found = fitted_poles(2j * math.pi * f[inside], H[inside], _guess(poles))
    return _distance(found, _excited(subject, poles))


def _guess(poles: Complex[np.ndarray, " m"]) -> Complex[np.ndarray, " m"]:
    # Alternating, so that neighbours are not moved together.
    order = np.argsort(np.argsort(np.abs(poles) + np.abs(poles.imag) * 1e-9))
    return np.asarray(poles * (1 + _GUESS * (-1.0) ** (order // (1 + (poles.imag != 0)))))


def fitted_poles(
    s: Complex[np.ndarray, " f"], H: Complex[np.ndarray, "f n"], start: Complex[np.ndarray, " m"]
) -> Complex[np.ndarray, " m"]:
    """Common poles [1/s] of responses H at Laplace variables s, by vector fitting with relocated poles.

    Gustavsen and Semlyen, Rational approximation of frequency domain responses by vector fitting, IEEE Trans. Power
    Delivery 14, 1052, 1999; the residues of sigma are solved for all responses at once, each row and each response
    weighted alike.
    """
    scale = float(np.abs(start).max())
    # Negative frequencies too, or one of a pair of poles is seen from afar.
    s = np.concatenate([s, s.conj()]) / scale
    H = np.concatenate([H, H.conj()])
    poles = start / scale
    for _ in range(_FIT_STEPS):
        partial = 1 / (s[:, None] - poles)
        own = np.hstack([partial, s[:, None] ** np.arange(_SLOPES)])
        # An orthogonal complement of the responses' own terms leaves equations of sigma alone.
        Q, _ = np.linalg.qr(own, mode="complete")
        rest = Q[:, own.shape[1] :].conj().T
        scaled = (H / np.linalg.norm(H, axis=0)).T
        left = np.vstack([rest @ (-h[:, None] * partial) for h in scaled])
        right = np.concatenate([rest @ h for h in scaled])
        residues = np.linalg.lstsq(left, right, rcond=None)[0]
        poles = np.linalg.eigvals(np.diag(poles) - np.outer(np.ones(len(poles)), residues)).astype(complex)
    return np.asarray(poles * scale)
