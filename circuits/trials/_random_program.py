"""Random programs that a topology can realise, for trials and calibration."""

import numpy as np
from jaxtyping import Float

from .._exceptions import ProgramError
from ..programs import Program
from ..topologies import Cascade, DifferentialRCMesh, RCMesh, RLCGrid, Topology


def random_program(
    topology: Topology, rng: np.random.Generator, condition: float = 10.0, symmetric: bool = True
) -> Program:
    """A program with largest eigenvalue one and a given condition number; the drive is uniform in -1 to 1 V.

    Crossbar: random eigenvectors, eigenvalues spread geometrically from `1/condition` to one. Cascade: likewise on
    the range of a random J, with `1/condition` as damping. Meshes and grid: random couplings (of both signs in a
    differential mesh) with the components to ground that give the condition number, or the largest that the
    couplings allow when they are less.

    Args:
        topology: the program has its size and its restrictions.
        rng: source of the draw.
        condition: ratio of the largest to the smallest eigenvalue, at least one.
        symmetric: crossbar only; otherwise eigenvectors that are not orthogonal.

    Raises:
        ProgramError: the condition number is less than one.
    """
    if not condition >= 1:
        raise ProgramError(f"condition: expected a number of at least 1, got {condition}")
    n = topology.n
    match topology:
        case Cascade():
            return _cascade(topology, rng, condition)
        case RCMesh() | RLCGrid():
            A = _mesh(rng.uniform(0, 1, (n, n)), condition)
        case DifferentialRCMesh():
            A = _mesh(rng.uniform(-1, 1, (n, n)), condition)
        case _:
            A = _spectrum(n, rng, condition, symmetric)
    program = Program(A, rng.uniform(-1, 1, n))
    topology.check(program)
    return program


def _cascade(topology: Cascade, rng: np.random.Generator, condition: float) -> Program:
    n = topology.n
    r = topology.r
    rank = min(n, r)
    damping = 1 / condition
    # Outside the range of J the damping is the smallest eigenvalue; without an outside it must be among the others.
    values = condition ** (-np.arange(rank) / (r if r < n else max(n - 1, 1))) - damping
    Q, _ = np.linalg.qr(rng.standard_normal((max(n, r), rank)))
    U, _ = np.linalg.qr(rng.standard_normal((rank, rank)))
    J, V = (Q.T, U) if r <= n else (Q, Q @ U)
    H = (V * values) @ V.T
    return Program.from_factors(J, (H + H.T) / 2, damping, rng.uniform(-1, 1, n))


def _spectrum(n: int, rng: np.random.Generator, condition: float, symmetric: bool) -> Float[np.ndarray, "n n"]:
    values = condition ** (-np.arange(n) / max(n - 1, 1))
    V, _ = np.linalg.qr(rng.standard_normal((n, n)))
    if symmetric:
        A = (V * values) @ V.T
        return np.asarray((A + A.T) / 2)
    V += 0.2 * rng.standard_normal((n, n)) / np.sqrt(n)
    return np.asarray(np.linalg.solve(V.T, (V * values).T).T)


def _mesh(couplings: Float[np.ndarray, "n n"], condition: float) -> Float[np.ndarray, "n n"]:
    lower = np.tril(couplings, -1)
    W = lower + lower.T
    L = np.diag(np.abs(W).sum(axis=1)) - W
    bottom, top = np.linalg.eigvalsh(L)[[0, -1]]
    if top == 0 or condition == 1:
        return np.eye(len(L))
    # Eigenvalues of L + g I run from bottom + g to top + g; without a component to ground rail pairs would float.
    g = max((top - condition * bottom) / (condition - 1), top / 100)
    return np.asarray((L + g * np.eye(len(L))) / (top + g))
