"""1/f noise in a circuit's derivatives: relaxation processes as further states."""

from dataclasses import replace

import numpy as np
import scipy

from ....circuits.networks import flicker_band, relaxations
from ._sensitivity import Sensitivity


def with_flicker(
    circuit: Sensitivity, corner: float, lowest: float, parameter: int | None, spread: float
) -> Sensitivity:
    """Beside each coloured source of white density S the density `S corner/f`, from `lowest` [Hz] on, as relaxation
    processes that act where the source does. The corner's logarithm is a parameter of this prior spread, or known.
    """
    which = np.flatnonzero(circuit.coloured)
    rates, weights = relaxations(*flicker_band(corner, lowest))
    k, m, j = len(rates), circuit.m, len(circuit.densities)
    twice = np.repeat(which, k)
    size = len(twice)
    # One-sided 2 S corner/f has the variance of 2 S corner times the weights; each relaxes with its own rate.
    per_white = np.tile(4 * corner * weights * rates, len(which))
    own = [np.flatnonzero(circuit.source == source) for source in which]
    inherited = [(circuit.owner[s], j + k * a + b, circuit.slope[s] * per_white[k * a + b])
                 for a, mine in enumerate(own) for b in range(k) for s in mine]  # fmt: skip
    if parameter is not None:
        inherited += [(parameter, j + b, spread * per_white[b] * circuit.densities[twice[b]]) for b in range(size)]
    owner, source, slope = np.array(inherited, dtype=float).reshape(-1, 3).T
    states = np.hstack([circuit.row[:, :m], circuit.row[:, m + 2 + twice]])
    return replace(
        circuit,
        F=np.block([[circuit.F, -circuit.L[:, twice]], [np.zeros((size, m)), np.diag(np.tile(rates, len(which)))]]),
        drive=np.append(circuit.drive, np.zeros(size)),
        bias=np.append(circuit.bias, np.zeros(size)),
        L=scipy.linalg.block_diag(circuit.L, np.eye(size)),
        M=np.hstack([circuit.M, circuit.D[:, twice]]),
        D=np.pad(circuit.D, ((0, 0), (0, size))),
        initial=np.pad(circuit.initial, ((0, size), (0, 0))),
        densities=np.append(circuit.densities, per_white * circuit.densities[twice]),
        owner=np.append(circuit.owner, owner.astype(int)),
        source=np.append(circuit.source, source.astype(int)),
        slope=np.append(circuit.slope, slope),
        forcing=np.pad(circuit.forcing, ((0, size), (0, 0))),
        row=np.hstack([states, circuit.row[:, m:], np.zeros((len(circuit.row), size))]),
        coloured=np.append(circuit.coloured, np.zeros(size, dtype=bool)),
        memory=size,
    )
