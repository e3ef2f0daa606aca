"""Responses and noise as the fit sees them: residuals relative to what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import scipy
from jaxtyping import Float, Inexact, Int

from ...circuits import Instance, Level, Program, Scaling
from ...circuits.linear_circuits import LinearCircuit
from ...measurements import FLOOR, Measurement, MeasurementError
from ...measurements.layout import Moments
from ._terms import Part, Slope, coherent, noisy_circuit, part_of, quiet_circuit
from .derivatives import covariance, covariances, cross_spectra, densities, response
from .unknowns import Parameters

_FREQUENCIES = 60
"""A spectrum is thinned to this many frequencies: its errors are not independent anyway."""

RESPONSE_ERROR: Mapping[Level, float] = MappingProxyType({"ideal": 1e-5, "macro": 1e-5, "transistor": 1e-2})
"""Relative error of a simulator's response, which has no scatter of its own, and of what the model leaves out of it: an
ideal amplifier is a source of gain 1e7 in SPICE, transistors have further poles."""

NOISE_ERROR: Mapping[Level, float] = MappingProxyType({"ideal": 1e-5, "macro": 1e-5, "transistor": 1e-2})
"""The same of densities."""

COVARIANCE_ERROR: Mapping[Level, float] = MappingProxyType({"ideal": 1e-4, "macro": 1e-4, "transistor": 1e-2})
"""The same of covariances, which are integrals over a finite band."""

TRANSISTOR_BAND = 0.3
"""Part of the unity frequency up to which the macro-model stands for a circuit of transistors: near and beyond it their
further poles show, and the noise of their second stage, which no loop gain divides any more."""

_DEPTH = 1e-3
"""Responses below this part of the largest one are nulls: their error is not relative to themselves."""


@dataclass(frozen=True, eq=False)
class Ac:
    """A response over frequency [V]: real and imaginary parts."""

    name: str
    program: Program
    scaling: Scaling
    frequencies: Float[np.ndarray, " f"]
    v: Float[np.ndarray, "parts f n"]
    sigma: Float[np.ndarray, "f n"]
    stated: bool
    kind: str = "responses"

    @classmethod
    def of(cls, data: Measurement) -> "Ac":
        keep = _thinned(data)
        v = np.stack([data.values["v_re"][keep], data.values["v_im"][keep]])
        size = np.hypot(*v)
        # A drive of zero has a response of zero, known as well as any voltage.
        least = FLOOR * data.design.converters.full_scale
        relative = data.relative_sigma or coherent(RESPONSE_ERROR[data.level], v.size, data.level)
        sigma = relative * np.maximum(size, max(_DEPTH * float(size.max()), least))
        return cls(
            data.digest,
            data.program,
            data.scaling,
            data.values["frequency"][keep],
            v,
            sigma,
            stated=data.relative_sigma > 0,
        )

    @property
    def signal(self) -> float:
        return float(np.sum((self.v / self.sigma) ** 2))

    @property
    def values(self) -> int:
        return self.v.size

    @property
    def relative_sigma(self) -> float:
        return part_of(float(np.sqrt(np.mean(self.sigma**2))), self.v)

    def clipped(self, chip: Instance, parameters: Parameters) -> tuple[str, ...]:
        return ()

    def evaluate(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Part:
        circuit = quiet_circuit(parameters, z, self)
        H, slope = response(circuit, self.frequencies, parameters.size)
        residual = (self.v - np.stack([H.real, H.imag])) / self.sigma
        jacobian = np.stack([slope.real, slope.imag]) / self.sigma[:, :, None]
        return Part.of(residual.ravel(), jacobian.reshape(residual.size, -1))

    def slope(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Slope:
        return self.evaluate(parameters, z).slope


@dataclass(frozen=True, eq=False)
class Noise:
    """Logarithms of noise densities, and the covariance where there is one, both relative."""

    name: str
    program: Program
    scaling: Scaling
    frequencies: Float[np.ndarray, " f"]
    log_psd: Float[np.ndarray, "f n"]
    covariance: Float[np.ndarray, "n n"] | None
    sigma: float
    """Relative standard deviation of one density."""
    covariance_sigma: float
    """The same of an entry of the covariance."""
    stated: bool
    kind: str = "noise"

    @classmethod
    def of(cls, data: Measurement) -> "Noise":
        keep = _thinned(data)
        if not (data.values["psd"] > 0).all():
            raise MeasurementError(f"calibrate: psd: expected densities above zero, got {data.values['psd'].min():.3g}")
        log_psd = np.log(data.values["psd"][keep])
        sigma = data.relative_sigma or coherent(NOISE_ERROR[data.level], log_psd.size, data.level)
        # Flicker noise has no variance but that of a band.
        found = data.values.get("covariance") if data.level != "transistor" else None
        stated, frequencies = data.relative_sigma > 0, data.values["frequency"][keep]
        entries = log_psd.shape[1] * (log_psd.shape[1] + 1) // 2
        of_covariance = data.relative_sigma or coherent(COVARIANCE_ERROR[data.level], entries, data.level)
        return cls(data.digest, data.program, data.scaling, frequencies, log_psd, found, sigma, of_covariance, stated)

    @property
    def signal(self) -> float:
        return self.values / self.sigma**2

    @property
    def values(self) -> int:
        n = self.log_psd.shape[1]
        return self.log_psd.size + (n * (n + 1) // 2 if self.covariance is not None else 0)

    @property
    def relative_sigma(self) -> float:
        return self.sigma

    def clipped(self, chip: Instance, parameters: Parameters) -> tuple[str, ...]:
        return ()

    def evaluate(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Part:
        circuit = noisy_circuit(parameters, z, self)
        psd, slope = densities(circuit, self.frequencies, parameters.size)
        residual = [(self.log_psd - np.log(psd)).ravel() / self.sigma]
        jacobian = [(slope / psd[:, :, None]).reshape(psd.size, -1) / self.sigma]
        if self.covariance is not None:
            model, change = covariance(circuit, parameters.size)
            i, j = np.tril_indices(len(model))
            scale = self.covariance_sigma * np.sqrt(np.diag(self.covariance)[i] * np.diag(self.covariance)[j])
            residual.append((self.covariance - model)[i, j] / scale)
            jacobian.append(change[i, j] / scale[:, None])
        return Part.of(np.concatenate(residual), np.concatenate(jacobian))

    def slope(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Slope:
        return self.evaluate(parameters, z).slope


@dataclass(frozen=True, eq=False)
class SecondMoments:
    """Cross-spectra, or covariances over bands, of pairs of cells."""

    name: str
    program: Program
    scaling: Scaling
    moments: Moments
    roots: tuple[Float[np.ndarray, "k k"], ...]
    """Lower triangular root of each row's covariance."""
    stated: bool = True
    kind: str = "second moments"

    @classmethod
    def of(cls, data: Measurement) -> "SecondMoments":
        """Of a measurement that states its errors.

        The scatter of an averaged spectrum goes with the spectrum: it is that of the nominal chip, as loud as what was
        measured, so that no weight knows the errors of what it weighs.

        Raises:
            MeasurementError: neither errors nor a relative one are stated.
        """
        moments, matrices = data.moments, np.zeros((0, data.n, data.n))
        if np.isnan(moments.sigma).any() and not data.relative_sigma > 0:
            raise MeasurementError("calibrate: cross-spectra and covariances: expected errors, or a relative_sigma")
        nominal = data.design.nominal(data.topology).network(data.program, data.level, data.scaling)
        circuit = LinearCircuit.of(nominal)
        if moments.frequencies is not None:
            kept = _thinned(data)
            matrices = circuit.cross_spectra(moments.frequencies[kept])
            moments = moments.rows(kept.tolist())
        else:
            matrices = np.array([circuit.covariance(band) for band in moments.bands])
        picked = moments.picked(matrices)
        own = np.array([part != "correlation" for part in moments.part]) & (moments.first == moments.second)
        louder = 1.0
        if own.any():
            power = np.array([2.0 if part == "rms" else 1.0 for part in moments.part])
            louder = float(np.median((moments.values[:, own] / picked[:, own]) ** power[own]))
        matrices, picked = louder * matrices, moments.picked(louder * matrices)
        roots = [
            np.linalg.cholesky(moments.covariance_of(row, matrix, picked[row], data.relative_sigma))
            for row, matrix in enumerate(matrices)
        ]
        return cls(data.digest, data.program, data.scaling, moments, tuple(roots))

    @property
    def signal(self) -> float:
        return float(np.sum(self._whitened(self.moments.values[:, :, None]) ** 2))

    @property
    def values(self) -> int:
        return self.moments.values.size

    @property
    def relative_sigma(self) -> float:
        sd = np.concatenate([np.sqrt(np.sum(root**2, axis=1)) for root in self.roots])
        return part_of(float(np.sqrt(np.mean(sd**2))), self.moments.values)

    def clipped(self, chip: Instance, parameters: Parameters) -> tuple[str, ...]:
        return ()

    def evaluate(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Part:
        circuit = noisy_circuit(parameters, z, self)
        pairs = self._pairs
        if self.moments.frequencies is not None:
            matrix, change = cross_spectra(circuit, self.moments.frequencies, pairs, parameters.size)
        else:
            matrix, change = covariances(circuit, self.moments.bands, pairs, parameters.size)
        value, slope = self._entries(matrix, change)
        residual = self._whitened((self.moments.values - value)[:, :, None])[:, 0]
        return Part.of(residual, self._whitened(slope))

    def slope(self, parameters: Parameters, z: Float[np.ndarray, " p"]) -> Slope:
        return self.evaluate(parameters, z).slope

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        """Of every entry, and of the variances that a correlation is by."""
        pairs = list(zip(self.moments.first.tolist(), self.moments.second.tolist(), strict=True))
        cells = sorted({cell for pair in pairs for cell in pair})
        return list(dict.fromkeys([*((cell, cell) for cell in cells), *pairs]))

    def _entries(
        self, matrix: Inexact[np.ndarray, "rows q"], change: Inexact[np.ndarray, "rows q p"]
    ) -> tuple[Float[np.ndarray, "rows k"], Float[np.ndarray, "rows k p"]]:
        """The entries by their parts, from those of the matrices."""
        place = {pair: k for k, pair in enumerate(self._pairs)}
        values, slopes = [], []
        for i, j, part in zip(
            self.moments.first.tolist(), self.moments.second.tolist(), self.moments.part, strict=True
        ):
            x, dx = matrix[:, place[i, j]], change[:, place[i, j]]
            if part == "rms":
                root = np.sqrt(x.real)
                x, dx = root, dx.real / (2 * root[:, None])
            elif part == "correlation":
                a, b = matrix[:, place[i, i]].real, matrix[:, place[j, j]].real
                da, db = change[:, place[i, i]].real, change[:, place[j, j]].real
                rho = x.real / np.sqrt(a * b)
                dx = dx.real / np.sqrt(a * b)[:, None] - (rho / 2)[:, None] * (da / a[:, None] + db / b[:, None])
                x = rho
            values.append(x.imag if part == "im" else x.real)
            slopes.append(dx.imag if part == "im" else dx.real)
        return np.stack(values, axis=1), np.stack(slopes, axis=1)

    def _whitened(self, rows: Float[np.ndarray, "rows k p"]) -> Float[np.ndarray, "values p"]:
        found = [scipy.linalg.solve_triangular(L, row, lower=True) for L, row in zip(self.roots, rows, strict=True)]
        return np.concatenate(found)


def _thinned(data: Measurement) -> Int[np.ndarray, " k"]:
    frequencies, design = data.values["frequency"], data.design
    count = len(frequencies)
    if data.level == "transistor" and design.amplifier is not None:
        highest = design.tempco.amplifier_at(design.amplifier, design.temperature).band(TRANSISTOR_BAND)
        count = max(1, int(np.searchsorted(frequencies, highest)))
    return np.unique(np.linspace(0, count - 1, min(count, _FREQUENCIES)).astype(int))
