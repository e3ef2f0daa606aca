"""What the measurements of one chip say of its unknowns, all correlations included."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

_MANY = 1000
"""Unknowns from which on correlations are written as their bytes: as digits, those of 64 cells are 10 million numbers
in a file of a quarter of a gigabyte."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Unknowns of a calibration with the normal law that was found for them.

    Attributes:
        names: such as `conductance[0,3]` or `gain`; p of them.
        prior: their standard deviations a priori: relative, V for offsets, of the logarithm for values of the whole
            chip.
        values: the most probable ones (p,), same units.
        covariance: (p, p), same units.

    Raises:
        ValueError: shapes that do not fit, or numbers that are not finite.
    """

    names: tuple[str, ...]
    prior: Float[np.ndarray, " p"]
    values: Float[np.ndarray, " p"]
    covariance: Float[np.ndarray, "p p"]

    def __post_init__(self) -> None:
        p = len(self.names)
        shapes = (self.prior.shape, self.values.shape, self.covariance.shape)
        if shapes != ((p,), (p,), (p, p)):
            raise ValueError(f"posterior: expected prior and values ({p},) and a covariance ({p}, {p}), got {shapes}")
        if not all(np.isfinite(part).all() for part in (self.prior, self.values, self.covariance)):
            raise ValueError("posterior: expected finite numbers")
        if not ((self.prior > 0).all() and (np.diag(self.covariance) > 0).all()):
            raise ValueError("posterior: expected variances above zero")

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the lower triangle of the correlations, row after row.

        Of many unknowns it is the Base64 text of these numbers as little-endian IEEE doubles.
        """
        sd = np.sqrt(np.diag(self.covariance))
        correlation = self.covariance / np.outer(sd, sd)
        below = correlation[np.tril_indices(len(sd), -1)]
        return {
            "names": list(self.names),
            "prior": self.prior.tolist(),
            "values": self.values.tolist(),
            "sd": sd.tolist(),
            # Every digit: what the data say is the small difference of a posterior and its prior.
            "correlations": below.tolist() if len(sd) < _MANY else _text(below),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Posterior":
        """Validate plain data.

        Raises:
            KeyError, TypeError, ValueError: values that do not fit.
        """
        names = tuple(str(name) for name in data["names"])
        sd = np.array(data["sd"], dtype=float)
        p = len(names)
        if sd.shape != (p,):
            raise ValueError(f"posterior.sd: expected {p} deviations, one for each name, got {sd.size}")
        below = _correlations(data["correlations"], p * (p - 1) // 2)
        R = np.eye(p)
        i, j = np.tril_indices(p, -1)
        R[i, j] = R[j, i] = below
        prior, values = (np.array(data[name], dtype=float) for name in ("prior", "values"))
        return cls(names, prior, values, R * np.outer(sd, sd))


def _text(numbers: Float[np.ndarray, " k"]) -> str:
    return base64.b64encode(numbers.astype("<f8").tobytes()).decode("ascii")


def _correlations(data: Any, count: int) -> Float[np.ndarray, " k"]:
    """As digits, or as the text of their bytes.

    Raises:
        ValueError: damaged, or not so many.
    """
    below = _numbers(data) if isinstance(data, str) else np.array(data, dtype=float)
    if below.shape != (count,):
        raise ValueError(f"posterior.correlations: expected {count} numbers, got {below.size}")
    if not np.isfinite(below).all():
        raise ValueError("posterior.correlations: expected finite numbers")
    return below


def _numbers(text: str) -> Float[np.ndarray, " k"]:
    expected = "posterior.correlations: expected the Base64 text of little-endian doubles"
    try:
        read = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(f"{expected}, got something else: {error}") from None
    if len(read) % 8:
        raise ValueError(f"{expected}, 8 bytes each, got {len(read)} bytes")
    return np.frombuffer(read, dtype="<f8").astype(float)
