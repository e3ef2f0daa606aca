"""A circuit at rest with the derivatives of its readouts: one sparse factorisation, no state space."""

from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float

from ....circuits import Network
from ....circuits.networks import Capacitor, Equations, equations
from ._array import DualArray
from ._changes import Changes, collect
from ._sensitivity import Sensitivity, Unknown
from ._wires import Wires


@dataclass(frozen=True, eq=False)
class Settled:
    """Readouts [V] of the settled circuit, and their derivatives by every parameter."""

    v: Float[np.ndarray, " n"]
    jacobian: Float[np.ndarray, "n p"]

    @classmethod
    def of(cls, network: Network, array: DualArray | None, size: int) -> "Settled":
        """Of a network whose values are dual numbers, and an array beside it."""
        eq = equations(network, noisy=False)
        if not all(isinstance(state, Capacitor) for state in eq.states):
            circuit = Sensitivity.of(network, array)
            return cls(circuit.M @ circuit.settled + circuit.y, circuit.settled_jacobian(size))
        wires = Wires.of(eq, array, noisy=False)
        factors = scipy.sparse.linalg.splu(_at_rest(eq, wires))
        x = np.zeros((eq.size, eq.link))
        x[:, eq.drive :] = factors.solve(_sources(eq))
        picked = np.eye(eq.size)[:, list(eq.outputs)]
        seen = factors.solve(picked, "T")  # type: ignore[call-overload]  # the stubs lack the transposed one
        changes = Changes.of(eq, x)
        flow = np.concatenate([changes.row.sum(axis=1), wires.rows(x).sum(axis=1)])
        plus = np.concatenate([changes.plus, wires.plus])
        minus = np.concatenate([changes.minus, wires.minus])
        # What flows out of nowhere is flowing from the last row, which nobody sees.
        padded = np.vstack([seen, np.zeros((1, seen.shape[1]))])
        terms = (padded[plus] - padded[minus]) * flow[:, None]
        jacobian = collect(terms, np.concatenate([changes.parameter, wires.parameter]), size).T
        return cls(x[list(eq.outputs)].sum(axis=1), jacobian)

    def read(self, gain: Float[np.ndarray, " n"], offset: Float[np.ndarray, " n"], unknown: Unknown) -> "Settled":
        """As readouts with gains (n,) and offsets (n,) [V] see it; `unknown` as in `Sensitivity.read`."""
        jacobian = gain[:, None] * self.jacobian
        for k, i, slope, is_gain in unknown:
            jacobian[i, k] += slope * (self.v[i] if is_gain else 1.0)
        return Settled(gain * self.v + offset, jacobian)


def _at_rest(eq: Equations, wires: Wires) -> "scipy.sparse.csc_array":
    """The equations with no current through any capacitor, whatever its voltage."""
    held = {eq.branch[state.name] for state in eq.states}
    triplets = [(i, j, float(value)) for i, j, value in eq.K if i not in held]
    i, j, values = np.array([*triplets, *((k, k, 1.0) for k in held)], dtype=float).reshape(-1, 3).T
    first = wires.first
    second = wires.second
    G = wires.conductance
    row = np.concatenate([i.astype(int), first, second, first, second])
    column = np.concatenate([j.astype(int), first, second, second, first])
    return scipy.sparse.csc_array((np.concatenate([values, G, G, -G, -G]), (row, column)), shape=(eq.size, eq.size))


def _sources(eq: Equations) -> Float[np.ndarray, "size 2"]:
    """Drive and bias."""
    R = np.zeros((eq.size, 2))
    for i, j, value in eq.R:
        if eq.drive <= j < eq.link:
            R[i, j - eq.drive] += float(value)
    return R
