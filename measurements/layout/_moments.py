"""Second moments of outputs: cross-spectra by frequency, covariances by band, some entries of each matrix."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Complex, Float, Int

from ._writing import Variables

MomentPart = Literal["re", "im", "covariance", "correlation", "rms"]
PARTS: tuple[MomentPart, ...] = get_args(MomentPart)

_SHARED = 0.01
"""Part of each density's scatter that outputs do not share, however coherent they are: an instrument's own noise."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Entries `first, second, part` of matrices by row, in SI units.

    Cross-spectra are one-sided, `S_ij = <V_i V_j*>` [V^2/Hz]; covariances [V^2] are over all frequencies, or over the
    band of their row.
    """

    first: Int[np.ndarray, " k"]
    second: Int[np.ndarray, " k"]
    part: tuple[MomentPart, ...]
    values: Float[np.ndarray, "rows k"]
    sigma: Float[np.ndarray, "rows k"]
    """Standard deviations; NaN where a relative error is stated instead."""
    frequencies: Float[np.ndarray, " rows"] | None = None
    bands: tuple[tuple[float, float] | None, ...] = (None,)
    """Of covariances [Hz]; None is all frequencies."""

    def picked(self, matrices: Complex[np.ndarray, "rows n n"] | Float[np.ndarray, "rows n n"]) -> np.ndarray:
        """The same entries of other matrices (rows, k)."""
        i = self.first
        j = self.second
        entry = matrices[:, i, j]
        variances = np.real(np.einsum("rii->ri", matrices))
        sd = np.sqrt(np.maximum(variances, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            by_part = {
                "re": np.real(entry),
                "im": np.imag(entry),
                "covariance": np.real(entry),
                "correlation": np.real(entry) / (sd[:, i] * sd[:, j]),
                "rms": sd[:, i],
            }
        return np.stack([by_part[part][:, k] for k, part in enumerate(self.part)], axis=1)

    def rows(self, rows: list[int]) -> "Moments":
        """Some of the rows of a spectrum."""
        assert self.frequencies is not None
        return replace(self, values=self.values[rows], sigma=self.sigma[rows], frequencies=self.frequencies[rows])

    def covariance_of(
        self,
        row: int,
        matrix: Complex[np.ndarray, "n n"] | Float[np.ndarray, "n n"],
        picked: Float[np.ndarray, " k"],
        relative: float,
    ) -> Float[np.ndarray, "k k"]:
        """Covariance of a row's entries by their stated errors; where there are none, by a density's relative one.

        Args:
            row: which one.
            matrix: the spectrum or the covariance that the row is an estimate of.
            picked: its entries.
            relative: standard deviation of a density, or of a variance.
        """
        stated = self.sigma[row]
        if np.isnan(stated).all() and all(part in ("re", "im", "covariance") for part in self.part):
            return self.scatter(matrix, relative)
        variances = np.real(np.diag(matrix))
        product = variances[self.first] * variances[self.second]
        by_part = {
            "re": np.sqrt((product + np.real(matrix[self.first, self.second]) ** 2) / 2),
            "im": np.sqrt(product / 2),
            "covariance": np.sqrt((product + np.real(matrix[self.first, self.second]) ** 2) / 2),
            # By Fisher's law of a correlation, and half as much of a root as of its square.
            "correlation": (1 - np.minimum(picked**2, 1 - _SHARED)) / np.sqrt(2),
            "rms": picked / 2,
        }
        by_relative = relative * np.array([by_part[part][k] for k, part in enumerate(self.part)])
        return np.diag(np.where(np.isnan(stated), by_relative, stated) ** 2)

    def scatter(self, spectrum: Complex[np.ndarray, "n n"], relative: float) -> Float[np.ndarray, "k k"]:
        """Covariance of the entries of one averaged cross-spectrum whose densities have this relative error.

        Averages of N records have `E[dS_ij dS_kl*] = S_ik S_jl* / N` and `E[dS_ij dS_kl] = S_il S_kj / N` (complex
        Wishart law; Bendat and Piersol, Random Data, chapter 9), and a density's relative error is `1/sqrt(N)`.
        """
        i = self.first
        j = self.second
        with_conjugate = spectrum[np.ix_(i, i)] * np.conj(spectrum[np.ix_(j, j)])
        plain = spectrum[np.ix_(i, j)] * spectrum[np.ix_(i, j)].T
        imaginary = np.array([part == "im" for part in self.part])
        both_real = np.real(with_conjugate + plain)
        both_imaginary = np.real(with_conjugate - plain)
        real_imaginary = np.imag(plain - with_conjugate)
        found = np.where(
            imaginary[:, None],
            np.where(imaginary, both_imaginary, real_imaginary.T),
            np.where(imaginary, real_imaginary, both_real),
        )
        found = relative**2 * found / 2
        return np.asarray((1 - _SHARED) * found + _SHARED * np.diag(np.diag(found)))


def moment_variables(moments: Moments) -> Variables:
    """The moments as variables of a measurement; an error of zero is one that is not stated, a band of zero is none."""
    entries: Variables = {
        "first": (("entry",), moments.first.astype(float), "1"),
        "second": (("entry",), moments.second.astype(float), "1"),
        "part": (("entry",), np.array([float(PARTS.index(part)) for part in moments.part]), "1"),
    }
    if moments.frequencies is not None:
        values: Variables = {"moments": (("frequency", "entry"), moments.values, "1")}
        return {**entries, **values, "frequency": (("frequency",), moments.frequencies, "Hz")}
    low, high = (np.array([0.0 if band is None else band[side] for band in moments.bands]) for side in (0, 1))
    return {
        **entries,
        "moments": (("band", "entry"), moments.values, "1"),
        "moment_sigma": (("band", "entry"), np.nan_to_num(moments.sigma), "1"),
        "band_low": (("band",), low, "Hz"),
        "band_high": (("band",), high, "Hz"),
    }


def moments_in(values: Mapping[str, Float[np.ndarray, "..."]], n: int) -> Moments:
    """The moments of a measurement's variables, checked.

    Raises:
        ValueError: cells that there are not, parts that are none, or bands whose edges do not rise.
    """
    first, second, part = (values[name] for name in ("first", "second", "part"))
    whole = all(np.array_equal(one, np.round(one)) for one in (first, second, part))
    if not whole or min(first.min(), second.min(), part.min()) < 0 or max(first.max(), second.max()) >= n:
        raise ValueError(f"first, second: expected numbers of cells, from 0 to {n - 1}")
    if part.max() >= len(PARTS):
        raise ValueError(f"part: expected numbers from 0 to {len(PARTS) - 1}, which stand for {', '.join(PARTS)}")
    names = tuple(PARTS[int(k)] for k in part)
    spectral = "frequency" in values
    if any((name in ("re", "im")) != spectral for name in names):
        raise ValueError("part: expected re and im of cross-spectra, and covariance, correlation or rms of covariances")
    stated = values.get("moment_sigma", np.zeros_like(values["moments"]))
    sigma = np.where(stated > 0, stated, np.nan)
    cells = (first.astype(int), second.astype(int))
    if spectral:
        return Moments(*cells, names, values["moments"], sigma, values["frequency"])
    edges = list(zip(values["band_low"].tolist(), values["band_high"].tolist(), strict=True))
    if any(not (0 <= low < high or low == high == 0) for low, high in edges):
        raise ValueError("band_low, band_high: expected the lower edge first, or zero twice for all frequencies")
    return Moments(*cells, names, values["moments"], sigma, None, tuple(None if b == 0 else (a, b) for a, b in edges))
