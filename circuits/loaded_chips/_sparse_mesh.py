"""An RC mesh of thousands of cells: the circuit of a sparse matrix, without any array of n by n."""

from typing import Any

import numpy as np
import scipy
from jaxtyping import Float

from .._exceptions import ProgramError
from ..chips import Design
from ..networks import Element, Network, Resistor
from ..topologies import cell_elements, on_grid

_ROUNDING = 1e-12


def sparse_mesh(design: Design, A: Any, b: Any, rng: np.random.Generator | None = None) -> Network:
    """The circuit of `RCMesh` at level `ideal` for a sparse A; time and memory grow with its entries.

    The same components, names and conductance grid as those of `RCMesh`, which takes a dense `Program`: that keeps to
    some thousands of cells. `simulate_network` measures the result.

    Args:
        design: nominal values.
        A: (n, n) scipy.sparse matrix or array, dimensionless: symmetric, off-diagonals at most 0, diagonally dominant.
        b: (n,), drive [V].
        rng: draws the mismatch of this chip, component by component; the nominal chip without.

    Raises:
        ProgramError: A is not sparse, or not what a passive mesh realises; b does not fit.
        DesignError: the design's values make no network.
    """
    matrix, drive = _checked(A, b)
    n = matrix.shape[0]
    values = design.values("ideal")
    below = scipy.sparse.coo_array(scipy.sparse.tril(matrix, -1))
    diagonal = np.asarray(matrix.diagonal())
    rest = diagonal - np.asarray(abs(matrix - scipy.sparse.diags(diagonal)).sum(axis=1)).ravel()
    # A row that sums to zero but for rounding has no component to ground.
    ground = on_grid(np.where(rest > _ROUNDING * diagonal * n, rest, 0.0), design.programming, None)
    coupling = on_grid(-below.data, design.programming, None)
    errors, between = _errors(design, n, len(coupling), rng)
    elements: list[Element] = []
    for i in range(n):
        elements += cell_elements(values, errors, i, float(ground[i]), float(drive[i]))
    for i, j, weight, error in zip(*below.coords, coupling.tolist(), between.tolist(), strict=True):
        if weight != 0:
            elements.append(Resistor(f"r{i}_{j}", f"x{i}", f"x{j}", values.resistance(weight, error)))
    return Network(f"mesh{n}", tuple(elements), tuple(f"x{i}" for i in range(n)), values.temperature)


def _checked(A: Any, b: Any) -> tuple["scipy.sparse.csr_array", Float[np.ndarray, " n"]]:
    if not scipy.sparse.issparse(A):
        raise ProgramError(f"A: expected a scipy.sparse matrix, got {type(A).__name__}; a dense one is a Program")
    given: Any = A
    matrix = scipy.sparse.csr_array(given, dtype=np.float64)
    matrix.sum_duplicates()
    if matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise ProgramError(f"A: expected a square matrix, got shape {matrix.shape}")
    drive = np.asarray(b, dtype=np.float64)
    if drive.shape != matrix.shape[:1]:
        raise ProgramError(f"b: expected {matrix.shape[0]} values, one for each row of A, got shape {drive.shape}")
    if not (np.isfinite(matrix.data).all() and np.isfinite(drive).all()):
        raise ProgramError("A, b: expected finite numbers")
    largest = float(np.abs(matrix.data).max(initial=0.0))
    if len((unequal := abs(matrix - matrix.T)).data) and unequal.max() > _ROUNDING * largest:
        raise ProgramError("A: expected a symmetric matrix, since one resistor serves both directions")
    diagonal = np.asarray(matrix.diagonal())
    off = matrix - scipy.sparse.diags_array(diagonal)
    if len(off.data) and off.data.max() > 0:
        raise ProgramError("A: expected off-diagonals of at most 0, which resistors between nodes realise")
    rest = diagonal + np.asarray(off.sum(axis=1)).ravel()
    wrong = np.flatnonzero(rest < -_ROUNDING * largest * len(diagonal))
    if len(wrong):
        i = int(wrong[0])
        raise ProgramError(
            f"A: row {i} has a diagonal of {diagonal[i]:.6g}, less than the sum of the other magnitudes,"
            f" {diagonal[i] - rest[i]:.6g}: the resistor to ground would be negative"
        )
    return matrix, drive


def _errors(
    design: Design, n: int, couplings: int, rng: np.random.Generator | None
) -> tuple[dict[str, Float[np.ndarray, " n"]], Float[np.ndarray, " k"]]:
    """Relative deviations of each cell's components, and of the resistors between cells."""
    resistor = design.mismatch.resistor_sigma
    capacitor = design.mismatch.capacitor_sigma
    if rng is None:
        return {name: np.zeros(n) for name in ("ground", "drive", "capacitance")}, np.zeros(couplings)
    errors = {
        "ground": resistor * rng.standard_normal(n),
        "drive": resistor * rng.standard_normal(n),
        "capacitance": capacitor * rng.standard_normal(n),
    }
    return errors, resistor * rng.standard_normal(couplings)
