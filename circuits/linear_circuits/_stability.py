"""Does a circuit settle, run away, or neither?"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Complex

Verdict = Literal["stable", "marginal", "unstable"]
"""Marginal: a pole on the imaginary axis; an integrator or an oscillator without losses."""

# Eigenvalues of a stiff matrix are right to some hundred roundings of the largest.
_ROUNDING = 1e-13


@dataclass(frozen=True, slots=True)
class Stability:
    """What a circuit's poles say.

    `pole` is the one furthest to the right [1/s]; None for a circuit without storage elements.
    """

    verdict: Verdict
    pole: complex | None

    @classmethod
    def of(cls, poles: Complex[np.ndarray, " m"]) -> "Stability":
        """The verdict by the poles [1/s]."""
        if len(poles) == 0:
            return cls("stable", None)
        worst = complex(poles[np.argmax(poles.real)])
        if abs(worst.real) <= _ROUNDING * float(np.abs(poles).max()):
            return cls("marginal", worst)
        return cls("stable" if worst.real < 0 else "unstable", worst)

    @property
    def sentence(self) -> str:
        """For a person."""
        if self.pole is None:
            return "static: it has no capacitors or inductors"
        imaginary = f" {self.pole.imag:+.4g}j" if self.pole.imag else ""
        at = f"its rightmost pole is at {self.pole.real:.4g}{imaginary} 1/s"
        return f"{self.verdict}: {at}"
