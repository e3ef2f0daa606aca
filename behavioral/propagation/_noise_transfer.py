"""What white noise does to the states of a linear process, frequency by frequency."""

from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Complex, Float

from ._lyapunov import psd_factor


@dataclass(frozen=True, eq=False)
class NoiseTransfer:
    """`(F + 2 pi i f)^-1 B` with `B B^T = Q`.

    By the Schur form `F = Z T Z^H`, a frequency is a triangular solve.
    """

    T: Complex[np.ndarray, "n n"]
    Z: Complex[np.ndarray, "n n"]
    B: Float[np.ndarray, "n r"]

    @classmethod
    def of(cls, F: Float[np.ndarray, "n n"], Q: Float[np.ndarray, "n n"]) -> "NoiseTransfer":
        """The transfer of noise of the drift F [1/s] and the diffusion Q."""
        T, Z = scipy.linalg.schur(F.astype(complex), output="complex")
        return cls(T, Z, psd_factor(Q))

    def at(
        self, frequencies: Float[np.ndarray, " f"], readout: Float[np.ndarray, "k n"] | None = None
    ) -> Complex[np.ndarray, "f k r"]:
        """The transfer from unit white noise to each state, or to each row of `readout @ x`, at frequencies in Hz."""
        n = len(self.T)
        M = np.eye(n) if readout is None else np.asarray(readout, dtype=float)
        right = self.Z.conj().T @ self.B
        left = M @ self.Z
        unit = np.eye(n)
        parts = [
            left @ scipy.linalg.solve_triangular(self.T + 2j * np.pi * f * unit, right, check_finite=False)
            for f in frequencies
        ]
        return np.stack(parts) if parts else np.zeros((0, len(M), self.B.shape[1]), dtype=complex)
