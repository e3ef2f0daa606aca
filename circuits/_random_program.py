"""Random programs that a topology can realise, for trials and calibration."""

import numpy as np
from jaxtyping import Float

from ._errors import ProgramError
from ._program import Program
from ._rc_mesh import RCMesh
from ._topology import Topology


def random_program(
    topology: Topology, rng: np.random.Generator, condition: float = 10.0, symmetric: bool = True
) -> Program:
    """A program with largest eigenvalue one and a given condition number.

    Crossbar: random eigenvectors, eigenvalues spread geometrically from `1/condition` to one. Mesh: random
    couplings with the resistors to ground that give the condition number. The drive is uniform in -1 to 1 V.

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
    A = _mesh(n, rng, condition) if isinstance(topology, RCMesh) else _spectrum(n, rng, condition, symmetric)
    program = Program(A, rng.uniform(-1, 1, n))
    topology.check(program)
    return program


def _spectrum(n: int, rng: np.random.Generator, condition: float, symmetric: bool) -> Float[np.ndarray, "n n"]:
    values = condition ** (-np.arange(n) / max(n - 1, 1))
    V, _ = np.linalg.qr(rng.standard_normal((n, n)))
    if symmetric:
        A = (V * values) @ V.T
        return np.asarray((A + A.T) / 2)
    V += 0.2 * rng.standard_normal((n, n)) / np.sqrt(n)
    return np.asarray(np.linalg.solve(V.T, (V * values).T).T)


def _mesh(n: int, rng: np.random.Generator, condition: float) -> Float[np.ndarray, "n n"]:
    lower = np.tril(rng.uniform(0, 1, (n, n)), -1)
    W = lower + lower.T
    L = np.diag(W.sum(axis=1)) - W
    top = float(np.linalg.eigvalsh(L)[-1])
    if top == 0 or condition == 1:
        return np.eye(n)
    # Eigenvalues of L + g I run from g to top + g.
    A = L + np.eye(n) * top / (condition - 1)
    return A / (top * condition / (condition - 1))
