"""Fidelity: a measurement against the model, as numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...circuits.linear_circuits import LinearCircuit
from ...measurements import Measurement, MeasurementError, read_measurement
from ..devices import DeviceModel, Response
from ._innovations import innovations

_NOISE_SAMPLES = 200
"""Samples of a noisy transient that are tested; more would resolve the simulator's own band limit."""

_DEPTH = 1e-3
"""Decibels are taken where the measured value is at least this part of its peak: a null has no decibels."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """How far a measurement and a model are apart.

    `metric` and `value` are the headline; `metrics` holds all of them, by analysis:

    * `op`: `relative_error` |v - model| / |v|.
    * `tran`: `nrms`, the rms over time and cells of v - model by the rms of v over time and cells, time weighted by
      the trapezoidal rule; `nrms_worst`, the largest of `by_cell` (rms of one cell's difference by the rms of all).
    * `tran` with noise: `chi_square_z`, the sum of the squared standardised innovations as a normal deviate,
      `chi_square`, the sum by its expectation, and `samples`, how many of the record were tested: at most 200.
    * `ac`: `relative_error` |H - model| / |H| over band and cells; `worst_db` over values within 60 dB of the peak.
    * `cross`, `covariance`: `relative_error`, the rms of each entry's difference by the root of both variances.
    * `noise`: `covariance_error`, Frobenius norm of the difference by that of the measured covariance;
      `psd_error_db`, the largest ratio of densities (alone where the measurement has no covariance).
    """

    analysis: str
    metric: str
    value: float
    metrics: Mapping[str, float]
    by_cell: Float[np.ndarray, " n"]
    """The headline for each cell, same normalisation."""
    exceeded: tuple[str, ...]
    """Amplifiers beyond rails or slew rate, where the linear model does not hold."""
    topology: str
    level: str
    size: int

    def row(self, limit: float, metric: str | None = None) -> dict[str, Any]:
        """One row of a fidelity table; passes when the magnitude is at most the limit (a NaN fails)."""
        name = self.metric if metric is None else metric
        value = float(self.metrics[name])
        return {
            "topology": self.topology,
            "level": self.level,
            "size": self.size,
            "analysis": self.analysis,
            "metric": name,
            "value": value,
            "limit": float(limit),
            "passed": bool(abs(value) <= limit),
        }


def compare(measurement: xr.Dataset, model: DeviceModel) -> Comparison:
    """The distance between a measurement and what the model says for the same program, scaling and start.

    Raises:
        MeasurementError: the measurement is not usable, or of another topology, size or level than the model.
    """
    data = read_measurement(measurement)
    for what, got, expected in (
        ("topology", data.topology.name, model.instance.topology.name),
        ("size", data.n, model.n),
        ("level", data.level, model.level),
    ):
        if got != expected:
            raise MeasurementError(f"compare: the model has {what} {expected}, the measurement {got}")
    response = model.response(data.program, data.scaling, allow_clipping=True)
    if data.analysis in ("cross", "covariance"):
        metrics, by_cell = _moments(data, model)
    else:
        metrics, by_cell = _METRICS["tran-noise" if data.noisy else data.analysis](data, response)
    metric, value = next(iter(metrics.items()))
    return Comparison(
        analysis=data.analysis,
        metric=metric,
        value=value,
        metrics=MappingProxyType(metrics),
        by_cell=by_cell,
        exceeded=_exceeded(data, response),
        topology=data.topology.name,
        level=data.level,
        size=data.n,
    )


Metrics = tuple[dict[str, float], Float[np.ndarray, " n"]]


def _op(data: Measurement, response: Response) -> Metrics:
    v = data.values["v"]
    difference = v - response.settled
    return {"relative_error": _ratio(difference, v)}, _divide(np.abs(difference), _norm(v))


def _tran(data: Measurement, response: Response) -> Metrics:
    time = data.values["time"]
    v = data.values["v"]
    difference = v - response.mean_at(time, data.values["v0"])
    weights = _trapezoid(time)
    scale = float(np.sqrt(np.mean(weights @ v**2)))
    by_cell = _divide(np.sqrt(weights @ difference**2), scale)
    return {"nrms": float(np.sqrt(np.mean(by_cell**2))), "nrms_worst": float(by_cell.max())}, by_cell


def _tran_noise(data: Measurement, response: Response) -> Metrics:
    keep = np.unique(np.linspace(0, len(data.values["time"]) - 1, _NOISE_SAMPLES).astype(int))
    keep = keep[data.values["time"][keep] > 0]
    time = data.values["time"][keep]
    v = data.values["v"][keep]
    e, _ = innovations(response, time, v, data.values["v0"], data.readout_sigma, data.noise_step)
    return {**chi_square(e), "samples": float(len(e))}, (e**2).mean(axis=0)


def chi_square(e: Float[np.ndarray, "times n"]) -> dict[str, float]:
    """The sum of squares as a normal deviate, and by its expectation."""
    total = float(np.sum(e**2))
    return {"chi_square_z": (total - e.size) / float(np.sqrt(2 * e.size)), "chi_square": total / e.size}


def _ac(data: Measurement, response: Response) -> Metrics:
    H = data.values["v_re"] + 1j * data.values["v_im"]
    expected = response.transfer(data.values["frequency"])
    size = np.abs(H)
    strong = (size > 0) & (size >= _DEPTH * size.max())
    by_cell = _divide(np.linalg.norm(H - expected, axis=0), _norm(H))
    metrics = {
        "relative_error": _ratio(H - expected, H),
        "worst_db": _decibels(np.abs(expected[strong]) / size[strong], 20.0),
    }
    return metrics, by_cell


def _noise(data: Measurement, response: Response) -> Metrics:
    psd = data.values["psd"]
    expected = response.psd(data.values["frequency"])
    positive = psd > 0
    decibels = {"psd_error_db": _decibels(expected[positive] / psd[positive], 10.0)}
    if "covariance" not in data.values:
        pairs = zip(expected.T, psd.T, strict=True)
        return decibels, np.array([_decibels(e[p > 0] / p[p > 0], 10.0) for e, p in pairs])
    covariance = data.values["covariance"]
    difference = covariance - response.stationary_covariance()
    by_cell = _divide(np.linalg.norm(difference, axis=0), _norm(covariance))
    return {"covariance_error": _ratio(difference, covariance), **decibels}, by_cell


def _moments(data: Measurement, model: DeviceModel) -> Metrics:
    """Relative to what each entry is by: for a cross-spectrum the root of both densities, for a correlation one."""
    moments = data.moments
    circuit = LinearCircuit.of(model.instance.network(data.program, model.level, data.scaling))
    if moments.frequencies is not None:
        matrices = circuit.cross_spectra(moments.frequencies)
    else:
        matrices = np.array([circuit.covariance(band) for band in moments.bands])
    matrices = model.noise_scale.value * matrices
    own = np.real(np.einsum("rii->ri", matrices))
    scale = np.sqrt(own[:, moments.first] * own[:, moments.second])
    parts = np.array(moments.part)
    scale = np.where(parts == "rms", np.sqrt(scale), np.where(parts == "correlation", 1.0, scale))
    error = (moments.values - moments.picked(matrices)) / scale
    concerned = [(moments.first == cell) | (moments.second == cell) for cell in range(data.n)]
    by_cell = [float(np.sqrt(np.mean(error[:, mine] ** 2))) if mine.any() else 0.0 for mine in concerned]
    return {"relative_error": float(np.sqrt(np.mean(error**2)))}, np.array(by_cell)


_METRICS: Mapping[str, Callable[[Measurement, Response], Metrics]] = {
    "op": _op,
    "tran": _tran,
    "tran-noise": _tran_noise,
    "ac": _ac,
    "noise": _noise,
}


def _exceeded(data: Measurement, response: Response) -> tuple[str, ...]:
    if data.analysis == "tran":
        return tuple(sorted({*response.clipped, *response.exceeded(data.values["time"], data.values["v0"])}))
    return response.clipped


def _trapezoid(time: Float[np.ndarray, " times"]) -> Float[np.ndarray, " times"]:
    gaps = np.diff(time)
    weights = np.zeros(len(time))
    weights[:-1] += gaps / 2
    weights[1:] += gaps / 2
    return np.asarray(weights / weights.sum())


def _norm(values: np.ndarray) -> float:
    return float(np.linalg.norm(values))


def _ratio(difference: np.ndarray, values: np.ndarray) -> float:
    return float(_divide(np.array([_norm(difference)]), _norm(values))[0])


def _divide(values: Float[np.ndarray, " n"], scale: float) -> Float[np.ndarray, " n"]:
    """Relative to a scale; a difference against nothing at all is infinite, none against nothing is zero."""
    if scale > 0:
        return values / scale
    return np.where(values == 0, 0.0, np.inf)


def _decibels(ratio: np.ndarray, factor: float) -> float:
    with np.errstate(divide="ignore"):
        return float(np.max(np.abs(factor * np.log10(ratio)), initial=0.0))
