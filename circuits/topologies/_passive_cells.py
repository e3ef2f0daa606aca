"""What passive topologies share."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from .._exceptions import ProgramError
from ..components import Tolerances
from ..networks import GROUND, Capacitor, CurrentSource, Element, NoiseCurrent, OpAmp, Resistor
from ._values import Errors, Values


def check_grounded(name: str, A: np.ndarray, component: str) -> None:
    """Raise `ProgramError` unless A can be made of components between nodes and to ground."""
    check_symmetric(name, A)
    off = A - np.diag(np.diag(A))
    if (off > 0).any():
        i, j = (int(k) for k in np.argwhere(off > 0)[0])
        raise ProgramError(
            f"{name}: A[{i}, {j}] = {off[i, j]:.6g} is positive, and a {component} between two nodes can only"
            " realise an off-diagonal of at most 0; use a crossbar"
        )
    check_dominant(name, A)


def check_symmetric(name: str, A: np.ndarray) -> None:
    """Raise `ProgramError` at the first pair of entries that differ by more than rounding."""
    wrong = np.argwhere(np.abs(A - A.T) > 1e-12 * np.abs(A).max())
    if len(wrong):
        i, j = (int(k) for k in wrong[0])
        raise ProgramError(
            f"{name}: expected a symmetric A, since one component serves both directions;"
            f" A[{i}, {j}] = {A[i, j]:.6g} but A[{j}, {i}] = {A[j, i]:.6g}; use a crossbar"
        )


def check_dominant(name: str, A: np.ndarray) -> None:
    """Raise `ProgramError` at the first row whose diagonal is less than the sum of the others' magnitudes."""
    rest = 2 * np.diag(A) - np.abs(A).sum(axis=1)
    # The subtraction loses as many digits as the row's terms have.
    wrong = np.flatnonzero(rest < -1e-12 * np.abs(A).max() * len(A))
    if len(wrong):
        i = int(wrong[0])
        raise ProgramError(
            f"{name}: A[{i}, {i}] = {A[i, i]:.6g} is less than the sum of the other magnitudes in its row,"
            f" {A[i, i] - rest[i]:.6g}: the component to ground would be negative; use a crossbar"
        )


def mesh_sigmas(tolerances: Tolerances) -> Mapping[str, float]:
    """Standard deviations of a mesh's deviations: relative, or V for offsets."""
    resistor = tolerances.resistor_sigma
    return {
        "conductance": resistor,
        "ground": resistor,
        "drive": resistor,
        "capacitance": tolerances.capacitor_sigma,
        "offset": tolerances.offset_sigma,
    }


def grounded(A: Float[np.ndarray, "n n"]) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, " n"]]:
    """Off-diagonals of a diagonally dominant matrix, and what each row leaves for the component to ground."""
    off = A - np.diag(np.diag(A))
    rest = np.diag(A) - np.abs(off).sum(axis=1)
    # A row that sums to zero but for rounding has no component to ground.
    return off, np.where(rest > 1e-12 * np.diag(A) * len(A), rest, 0.0)


def cell_elements(values: Values, errors: Errors, i: int, ground: Any, b_i: Any) -> Iterator[Element]:
    """Capacitor, drive, resistor to ground, injected noise and follower of cell i."""
    yield Capacitor(f"c{i}", f"x{i}", GROUND, values.C * (1 + errors["capacitance"][i]), cell=i)
    yield CurrentSource(f"b{i}", GROUND, f"x{i}", b_i * (1 + errors["drive"][i]) / values.R0, drive=True)
    if ground != 0:
        yield Resistor(f"rg{i}", f"x{i}", GROUND, values.resistance(ground, errors["ground"][i]))
    if values.injected_noise != 0:
        yield NoiseCurrent(f"n{i}", GROUND, f"x{i}", values.injected_noise)
    if values.amplifier is not None:
        model = replace(values.amplifier, offset=values.amplifier.offset + errors["offset"][i])
        yield OpAmp(f"a{i}", f"x{i}", f"out{i}", f"out{i}", model, cell=i)
