"""Calibration: from measurements of one chip to its behavioural model, with error bars."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from ..circuits import Design
from ._calibrate_fit import Fit, fit
from ._calibrate_noise import SPREAD, noise_scale
from ._calibrate_parameters import Parameters
from ._calibrate_runs import Run
from ._device_model import DeviceModel, Estimate, Provenance
from ._measurement import Measurement, MeasurementError, read_measurement

_OPEN = 0.9
"""A standard error above this part of the tolerance: the data do not identify the parameter."""

_DRAWS = 8
"""Chips that the measurements allow, on which the noise scale is tried: the error of its error is a quarter."""

_MISFIT = 0.05
"""Residuals above this part of the signal: the design does not describe the chip."""


def calibrate(measurements: Sequence[xr.Dataset]) -> DeviceModel:
    """Infer one chip from operating points, transients and noise measurements of it.

    Maximum posterior: the design's tolerances are Gaussian priors of every deviation (which settles what no
    measurement can, such as a common factor of a row's conductances and its capacitor), and the readouts have
    independent Gaussian errors `readout_sigma`; without it, 1e-5 of the converters' full scale stands for the
    simulator's own error. The amplifiers' log gain and log gain-bandwidth have priors of 0.5 and 0.2. All
    sensitivities are analytic. Standard errors come from the posterior's curvature; they are enlarged by the rms
    residual where that is above one. What is known of the chip is only its design: its drawn deviations are not
    in a measurement.

    Of three or more runs, one whose residual is three times that of the others is left out and named in the
    provenance, and so is one where an amplifier is at its rails.

    Args:
        measurements: analyses op, tran (also noisy ones) and noise, digitised or not, of one chip at one level.

    Raises:
        MeasurementError: no measurement, one that is not usable (missing program, values that are not finite,
            wrong unit, another schema), measurements of different chips, one given twice, runs that contradict
            each other, or residuals that the design cannot explain. One line; never a fitted number.
    """
    data = _read(measurements)
    first = data[0]
    parameters = Parameters.of(first.design, first.topology, first.level)
    nominal = parameters.instance(np.zeros(parameters.size))
    runs = [Run.of(m, nominal) for m in data if m.analysis in ("op", "tran")]
    if not runs:
        raise MeasurementError("calibrate: expected at least one operating point or transient, got only noise")
    clipped = {run.name: names for run in runs if (names := run.clipped(nominal, parameters))}
    runs = [run for run in runs if run.name not in clipped]
    if not runs:
        raise MeasurementError("calibrate: an amplifier is at its rails in every run; use a smaller drive scale")
    found = fit(runs, parameters)
    _check_misfit(runs, found)
    discarded = {name: f"amplifier {', '.join(names)} beyond rails or slew rate" for name, names in clipped.items()}
    for run, used, rms in zip(runs, found.used, found.normal.rms, strict=True):
        if not used:
            discarded[run.name] = f"residual {rms:.3g} times its noise, unlike the other runs"
    kept = [m for m in data if m.digest not in discarded]
    return _model(parameters, found, kept, discarded)


def _read(measurements: Sequence[xr.Dataset]) -> list[Measurement]:
    if isinstance(measurements, xr.Dataset):
        measurements = [measurements]
    data = [read_measurement(dataset, f"measurement {k}") for k, dataset in enumerate(measurements)]
    if not data:
        raise MeasurementError("calibrate: expected at least one measurement, got none")
    for k, m in enumerate(data):
        if m.analysis not in ("op", "tran", "noise"):
            raise MeasurementError(f"measurement {k}: calibrate uses op, tran and noise, got {m.analysis}")
        for what, mine, expected in (
            ("instance_digest", m.instance_digest, data[0].instance_digest),
            ("topology", m.topology, data[0].topology),
            ("level", m.level, data[0].level),
            ("design", m.design, data[0].design),
        ):
            if mine != expected:
                got = f": {_short(mine)}, and measurement 0 has {_short(expected)}"
                raise MeasurementError(f"measurement {k}: expected one chip, but its {what} differs{got}")
        if m.digest in [other.digest for other in data[:k]]:
            raise MeasurementError(f"measurement {k}: given twice; a copy holds no more than its original")
    return data


def _short(value: object) -> str:
    text = value.name if isinstance(value, Design) else str(value)
    return text if len(text) <= 24 else f"{text[:12]}..."


def _check_misfit(runs: Sequence[Run], found: Fit) -> None:
    """Residuals far above both the noise and a part of the signal are no measurement of this design."""
    used = [(run, rms) for run, use, rms in zip(runs, found.used, found.normal.rms, strict=True) if use]
    residual = float(np.sqrt(np.mean([np.mean((rms * run.sigma) ** 2) for run, rms in used])))
    noise = float(np.sqrt(np.mean([np.mean(run.sigma**2) for run, _ in used])))
    signal = float(np.sqrt(np.mean([np.mean(run.v**2) for run, _ in used])))
    if residual > max(_MISFIT * signal, 5 * noise):
        raise MeasurementError(
            f"calibrate: the best fit leaves {residual:.3g} V of {signal:.3g} V unexplained; the measurements are not"
            " of this design, or their units or scales are wrong"
        )


def _model(parameters: Parameters, found: Fit, kept: Sequence[Measurement], discarded: dict[str, str]) -> DeviceModel:
    instance, sd = parameters.instance(found.z), found.sd
    noise = noise_scale(kept, instance, [parameters.instance(z) for z in found.draws(_DRAWS)])
    open_ = [name for name, value in zip(parameters.names, sd, strict=True) if value > _OPEN]
    if noise.standard_error > _OPEN * SPREAD * noise.value:
        open_.append("noise_scale")
    amplifier = instance.design.amplifier if parameters.amplified else None
    relative = (parameters.sigma * sd)[-2:]
    return DeviceModel(
        instance=instance,
        level=parameters.level,
        standard_errors=parameters.spread(parameters.sigma * sd),
        gain=Estimate(amplifier.gain, float(amplifier.gain * relative[0])) if amplifier else None,
        gain_bandwidth=Estimate(amplifier.gain_bandwidth, float(amplifier.gain_bandwidth * relative[1]))
        if amplifier
        else None,
        noise_scale=noise,
        not_identified=tuple(open_),
        provenance=Provenance(
            source="measurements",
            instance_digest=kept[0].instance_digest,
            measurements=tuple(m.digest for m in kept),
            discarded=discarded,
            simulators=tuple(sorted({m.simulator for m in kept})),
            residual=float(np.sqrt(np.mean(found.normal.rms[np.array(found.used)] ** 2))),
            parameters=parameters.size,
            samples=found.normal.values,
        ),
    )
