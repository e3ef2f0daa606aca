"""What the digital side loads: a matrix and a drive."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Complex, Float

from ...files.arrays import with_gaps
from .._exceptions import ProgramError


class Factors(NamedTuple):
    """`A = J^T H J + damping`, as a cascade loads it."""

    J: Float[np.ndarray, "r n"]
    H: Float[np.ndarray, "r r"]
    damping: float


@dataclass(frozen=True, eq=False)
class Program:
    """The linear system `A x = b` that the device relaxes to.

    Args:
        A: (n, n), dimensionless: an entry of one is a conductance of 1/R0.
        b: (n,), drive [V].

    Raises:
        ProgramError: shapes, values that are not finite, or an eigenvalue without positive real part
            (the device would not settle).
    """

    A: Float[np.ndarray, "n n"]
    b: Float[np.ndarray, " n"]
    factors: Factors | None = None
    """Set by `from_factors`."""

    def __init__(self, A: object, b: object) -> None:
        A_ = _real("A", A)
        b_ = _real("b", b)
        if A_.ndim != 2 or A_.shape[0] != A_.shape[1] or A_.shape[0] == 0:
            raise ProgramError(f"A: expected a square matrix, got shape {A_.shape}")
        if b_.shape != A_.shape[:1]:
            raise ProgramError(f"b: expected {A_.shape[0]} values, one for each row of A, got shape {b_.shape}")
        smallest = np.linalg.eigvals(A_).real.min()
        if not smallest > _rounding(A_):
            raise ProgramError(
                f"A: expected eigenvalues with positive real part, or the cells do not settle;"
                f" the smallest real part is {smallest:.3g}"
            )
        object.__setattr__(self, "A", _frozen(A_))
        object.__setattr__(self, "b", _frozen(b_))

    @classmethod
    def from_factors(cls, J: object, H: object, damping: float, b: object) -> "Program":
        """The program `(J^T H J + damping) x = b` with its factors J (r, n), H (r, r), dimensionless.

        Raises:
            ProgramError: shapes or values that do not fit, negative damping, or an A that does not settle.
        """
        J_ = _real("J", J)
        H_ = _real("H", H)
        if J_.ndim != 2 or H_.shape != (len(J_), len(J_)):
            raise ProgramError(f"H: expected one row and column for each row of J {J_.shape}, got shape {H_.shape}")
        if not damping >= 0:
            raise ProgramError(f"damping: expected a number of at least 0, got {damping}")
        program = cls(J_.T @ H_ @ J_ + damping * np.eye(J_.shape[1]), b)
        object.__setattr__(program, "factors", Factors(_frozen(J_), _frozen(H_), float(damping)))
        return program

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back without loss."""
        plain: dict[str, Any] = {"A": self.A.tolist(), "b": self.b.tolist()}
        if self.factors is not None:
            J, H, damping = self.factors
            plain["factors"] = {"J": J.tolist(), "H": H.tolist(), "damping": damping}
        return plain

    @classmethod
    def from_dict(cls, data: Any) -> "Program":
        """Validate plain data; factors, where there are any, stand for A.

        Raises:
            ProgramError: something is missing or does not fit.
        """
        try:
            if data.get("factors") is not None:
                factors = data["factors"]
                return cls.from_factors(factors["J"], factors["H"], factors["damping"], data["b"])
            return cls(data["A"], data["b"])
        except (AttributeError, KeyError, TypeError) as error:
            raise ProgramError(f"program: expected A and b, or factors J, H, damping and b: {error}") from None

    @property
    def n(self) -> int:
        """Number of cells."""
        return len(self.b)

    @property
    def solution(self) -> Float[np.ndarray, " n"]:
        """`A^-1 b` [V], by LU decomposition."""
        return np.linalg.solve(self.A, self.b)

    @property
    def eigenvalues(self) -> Complex[np.ndarray, " n"]:
        """Eigenvalues of A: the rates of relaxation in units of 1/tau."""
        return np.linalg.eigvals(self.A).astype(complex)


def _real(name: str, value: object) -> Float[np.ndarray, "..."]:
    try:
        array = np.array(with_gaps(value))
    except ValueError:
        raise ProgramError(f"{name}: expected a rectangular array of numbers, got ragged rows") from None
    if array.dtype.kind not in "iuf":
        raise ProgramError(f"{name}: expected real numbers, got dtype {array.dtype}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
        raise ProgramError(f"{name}: expected finite numbers, got {array[where]} at index {where}")
    return array


def _rounding(A: Float[np.ndarray, "n n"]) -> float:
    # Eigenvalues are known to this absolute accuracy; a singular matrix must not pass by rounding.
    return float(len(A) * np.finfo(float).eps * np.linalg.norm(A, 2))


def _frozen(array: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    array.flags.writeable = False
    return array
