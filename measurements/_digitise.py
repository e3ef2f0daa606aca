"""The readout: sampling and conversion of a measured waveform."""

from dataclasses import replace

import numpy as np
import xarray as xr
from jaxtyping import Float

from ..circuits import Converters, Instance
from ..circuits.chips import converter
from ..circuits.networks import BOLTZMANN
from ._exceptions import MeasurementError
from .layout import aligned, read_measurement


def digitise(
    measurement: xr.Dataset,
    converters: Converters,
    rng: np.random.Generator,
    times: Float[np.ndarray, " samples"] | int | None = None,
    dither: float = 1.0,
    hold_capacitance: float | None = None,
    instance: Instance | None = None,
    reads: int = 1,
) -> xr.Dataset:
    """What the digital side sees of an operating point or a transient [V].

    Each value is held (thermal noise kT/C of the hold capacitor, droop until it is converted), dithered by Gaussian
    noise, rounded to `adc_bits` over -full_scale to full_scale and clipped there. Dither of about one step makes the
    rounding error independent of the signal and of other samples, uniform with variance step^2/12 (Widrow and Kollar,
    Quantization Noise, 2008), so that each sample carries independent noise of standard deviation
    `readout_sigma = sqrt(dither^2 + step^2/12 + kT/C)`, written to the attribute of that name.

    Args:
        measurement: `op` or `tran`.
        converters: bits and full scale; without `adc_bits` only the hold noise is added.
        rng: source of dither and hold noise.
        times: sampling times [s] within the record, or how many, spaced evenly in log t from a quarter of tau to
            the end; None keeps the record's own. Between recorded points the waveform is interpolated linearly.
        dither: standard deviation of the dither in steps of the converter.
        hold_capacitance: of the sample-and-hold [F]; None is the converters' own, if they have one.
        instance: the chip whose converter it is, for its non-linearity; None converts on a straight line.
        reads: conversions of each value, of which the mean is kept; its standard deviation is that of one by the root
            of their number.

    Raises:
        MeasurementError: another analysis, times outside the record, or a value beyond the converter's range.
        ValueError: negative dither, a hold capacitance that is not positive, or no conversion at all.
    """
    if dither < 0 or (hold_capacitance is not None and hold_capacitance <= 0):
        raise ValueError("digitise: expected dither of at least 0 steps and a positive hold capacitance")
    if reads < 1:
        raise ValueError(f"digitise: expected at least one reading, got {reads}")
    measurement = aligned(measurement, "digitise")
    data = read_measurement(measurement)
    if data.analysis not in ("op", "tran"):
        raise MeasurementError(f"digitise: expected an analysis op or tran, got {data.analysis}")
    if data.readout_sigma > 0:
        raise MeasurementError("digitise: the measurement is digitised already")
    sampled = measurement if data.analysis == "op" or times is None else _resample(measurement, times, data.design.tau)
    v = np.asarray(sampled["v"].values, dtype=float)
    if np.abs(v).max() > converters.full_scale:
        raise MeasurementError(
            f"digitise: {np.abs(v).max():.4g} V is beyond the converter's full scale of {converters.full_scale:.4g} V;"
            " use a smaller drive scale"
        )
    capacitance = hold_capacitance or converters.hold_capacitance
    hold = BOLTZMANN * data.design.temperature / capacitance if capacitance else 0.0
    step = 0.0 if converters.adc_bits is None else 2 * converters.full_scale / 2**converters.adc_bits
    noisy = v + np.sqrt(hold + (dither * step) ** 2) * rng.standard_normal((reads, *v.shape))
    read = sampled.copy()
    held = noisy - converters.droop * converters.hold_time
    codes = _quantise(held, step, converters.full_scale) if instance is None else _converted(instance, converters, held)
    read["v"] = (sampled["v"].dims, codes.mean(axis=0), dict(sampled["v"].attrs))
    read.attrs["readout_sigma"] = float(np.sqrt((hold + (dither**2 + 1 / 12) * step**2) / reads))
    return read


def _converted(instance: Instance, converters: Converters, v: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    design = instance.design.model_copy(update={"converters": converters})
    return converter(replace(instance, design=design), "adc").to_codes(v)


def _resample(measurement: xr.Dataset, times: Float[np.ndarray, " samples"] | int, tau: float) -> xr.Dataset:
    recorded = np.asarray(measurement["time"].values, dtype=float)
    wanted = _log_spaced(recorded, times, tau) if isinstance(times, int) else np.asarray(times, dtype=float)
    if len(wanted) == 0 or wanted.min() < recorded[0] or wanted.max() > recorded[-1]:
        raise MeasurementError(f"digitise: expected times within {recorded[0]:.4g} to {recorded[-1]:.4g} s")
    v = measurement["v"].transpose("time", "cell").values
    sampled = np.stack([np.interp(wanted, recorded, column) for column in v.T], axis=1)
    kept = measurement.drop_dims("time").assign_coords(time=("time", wanted, {"units": "s"}))
    return kept.assign(v=(("time", "cell"), sampled, dict(measurement["v"].attrs)))


def _log_spaced(recorded: Float[np.ndarray, " times"], count: int, tau: float) -> Float[np.ndarray, " samples"]:
    # Earlier samples read the voltages that were loaded, not the device.
    start = min(max(recorded[0], tau / 4), recorded[-1] / 2)
    return np.clip(np.geomspace(start, recorded[-1], count), recorded[0], recorded[-1])


def _quantise(v: Float[np.ndarray, "..."], step: float, full_scale: float) -> Float[np.ndarray, "..."]:
    if step == 0:
        return v
    # Codes run from -2^(bits-1) to 2^(bits-1) - 1.
    codes = np.clip(np.rint(v / step), -full_scale / step, full_scale / step - 1)
    return np.asarray(codes * step)
