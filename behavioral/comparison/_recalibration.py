"""Drift: followed by the readouts of a few reference programs, and foreseen for a schedule of recalibrations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ...circuits import Instance, Program, Scaling
from ..devices import DeviceModel, Estimate

_ROUNDS = 6
_SMALL = 1e-6
"""Of a last step: the next one would be of the order of its square."""

_STEP = 1e-4
"""Of a logarithm or a kelvin for a central difference; it errs by its square."""

_SIGMAS = 2.0
"""Standard deviations of the temperature that a schedule allows for."""


@dataclass(frozen=True, slots=True)
class DriftEstimate:
    """How far a chip has drifted since its calibration.

    Attributes:
        conductance: factor on every programmed conductance, such as ageing makes.
        offset: change of every amplifier's input offset [V], such as a change of temperature makes.
        residual: rms of what the two leave of the readouts, in units of their standard deviation; far above one, the
            chip has changed otherwise and must be calibrated again.
    """

    conductance: Estimate
    offset: Estimate
    residual: float

    def applied(self, model: DeviceModel) -> DeviceModel:
        """The model of the chip as it is now; its standard errors are those of the calibration."""
        return _changed(model, float(np.log(self.conductance.value)), self.offset.value)


def track_drift(
    model: DeviceModel,
    programs: Sequence[Program],
    readouts: Float[np.ndarray, "programs n"],
    sigma: float,
    scalings: Sequence[Scaling] | None = None,
    settled: Float[np.ndarray, "programs n"] | None = None,
) -> DriftEstimate:
    """Two numbers of a chip's drift from the settled readouts of reference programs: nothing else is measured.

    Weighted least squares by Gauss-Newton on the calibrated model's settled voltages. Two programs of different
    matrices tell gain from offset on any topology that settles at its solution.

    Args:
        model: the chip as it was calibrated.
        programs: the references; their drives should fill the converters' range.
        readouts: their settled voltages now [V].
        sigma: standard deviation of one readout [V].
        scalings: with which they are loaded; the model's choice unless given.
        settled: readouts of the same programs at the time of the calibration [V]. The drift is then what has changed
            since, and the model's own error of these programs cancels.

    Raises:
        ValueError: no program, shapes that do not fit, values that are not finite, sigma not above zero, or a device
            that answers by a covariance.
    """
    readouts = _check(model, programs, readouts, sigma)
    chosen = [model.scaling(p) for p in programs] if scalings is None else list(scalings)
    theta = np.zeros(2)
    if settled is not None:
        readouts = readouts - _check(model, programs, settled, sigma) + _settled(model, programs, chosen, theta)
        sigma = sigma * float(np.sqrt(2))
    # The scale of an offset is that of its tolerance, or of a readout's noise.
    scale = np.array([1.0, max(_offset_tolerance(model), sigma)])
    for _ in range(_ROUNDS):
        residual = (readouts - _settled(model, programs, chosen, theta)).ravel() / sigma
        jacobian = np.column_stack([_slope(model, programs, chosen, theta, step) for step in np.diag(scale)]) / sigma
        known = np.abs(jacobian).max(axis=0) > 0
        step = np.zeros(2)
        step[known] = np.linalg.lstsq(jacobian[:, known], residual, rcond=None)[0] * scale[known]
        theta = theta + step
        if (np.abs(step) <= _SMALL * scale).all():
            break
    covariance = np.linalg.pinv(jacobian.T @ jacobian, hermitian=True) * np.outer(scale, scale)
    left = (readouts - _settled(model, programs, chosen, theta)).ravel() / sigma
    sd = np.sqrt(np.diag(covariance))
    gain = float(np.exp(theta[0]))
    return DriftEstimate(
        Estimate(gain, float(gain * sd[0])), Estimate(float(theta[1]), float(sd[1])), float(np.sqrt(np.mean(left**2)))
    )


def drift_error(model: DeviceModel, programs: Sequence[Program], age: float, interval: float) -> float:
    """Relative error of the solution that drift makes within `interval` [s] after a calibration at `age` [s].

    Root mean square over the programs of `|x(t + interval) - x(t)| / |x(t)|`, to first order in the drift model of the
    design: programmed conductances fall by `nu ln((t + interval)/t)` (from the ageing time on), and the temperature, a
    stationary Ornstein-Uhlenbeck path, moves by at most two standard deviations, `2 sigma sqrt(2 (1 - exp(-interval/
    tau_T)))`; the two add up.

    Raises:
        ValueError: no program, a negative age or interval, or a device that answers by a covariance.
    """
    by_ageing, by_temperature = _sensitivities(model, programs)
    return _error(model, by_ageing, by_temperature, age, interval)


def recalibration_times(
    model: DeviceModel, programs: Sequence[Program], limit: float, until: float, start: float = 0.0
) -> Float[np.ndarray, " times"]:
    """When to calibrate again [s], so that drift keeps the solution's relative error below `limit`.

    The first time is `start`. Each interval is the longest for which `drift_error` stays below the limit: with ageing
    alone they grow in proportion to the age, with a moving temperature they are equal. Programs stand for what the
    device will be used for.

    Raises:
        ValueError: as `drift_error`, a limit that is not above zero, times out of order, or more than 100,000 times:
            the temperature moves more than the limit allows between any two of them.
    """
    if not limit > 0:
        raise ValueError(f"recalibration_times: expected a limit above zero, got {limit}")
    if not 0 <= start <= until < np.inf:
        raise ValueError(f"recalibration_times: expected 0 <= start <= until, got {start} and {until}")
    by_ageing, by_temperature = _sensitivities(model, programs)
    times = [start]
    while times[-1] < until:
        longest = _longest(model, by_ageing, by_temperature, times[-1], limit, until - times[-1])
        if times[-1] + longest >= until:
            break
        times.append(times[-1] + longest)
        if len(times) > _MOST:
            raise ValueError(
                f"recalibration_times: more than {_MOST:,} calibrations until {until:g} s; expected a larger limit,"
                " or a drift that is followed (track_drift)"
            )
    return np.array(times)


_MOST = 100_000
_BISECTIONS = 60


def _longest(
    model: DeviceModel, by_ageing: float, by_temperature: float, age: float, limit: float, most: float
) -> float:
    if _error(model, by_ageing, by_temperature, age, most) <= limit:
        return most
    low, high = 0.0, most
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _error(model, by_ageing, by_temperature, age, middle) <= limit:
            low = middle
        else:
            high = middle
    return low


def _error(model: DeviceModel, by_ageing: float, by_temperature: float, age: float, interval: float) -> float:
    if not (0 <= age < np.inf and 0 <= interval < np.inf):
        raise ValueError(f"drift: expected an age and an interval of at least zero, got {age} and {interval}")
    drift = model.design.drift
    first = max(age, drift.ageing_time)
    aged = drift.ageing_exponent * float(np.log(max(age + interval, first) / first))
    moved = _SIGMAS * drift.temperature_sigma * float(np.sqrt(-2 * np.expm1(-interval / drift.temperature_time)))
    return by_ageing * aged + by_temperature * moved


def _sensitivities(model: DeviceModel, programs: Sequence[Program]) -> tuple[float, float]:
    """Relative change of the solution by the logarithm of the programmed conductances, and by kelvin."""
    if not programs:
        raise ValueError("drift: expected at least one program, got none")
    if not all(np.any(program.b) for program in programs):
        raise ValueError("drift: expected programs whose solution is not zero, got a drive of zero")
    _check_mean(model)
    scalings = [model.scaling(p) for p in programs]
    x = _settled(model, programs, scalings, np.zeros(2))
    by_ageing = _slope(model, programs, scalings, np.zeros(2), np.array([1.0, 0.0])).reshape(x.shape)
    warm, cold = (_settled(_at(model, sign * _STEP), programs, scalings, np.zeros(2)) for sign in (1, -1))
    by_temperature = (warm - cold) / (2 * _STEP)
    size = np.linalg.norm(x, axis=1)
    ageing, temperature = (np.linalg.norm(slope, axis=1) / size for slope in (by_ageing, by_temperature))
    return float(np.sqrt(np.mean(ageing**2))), float(np.sqrt(np.mean(temperature**2)))


def _slope(
    model: DeviceModel,
    programs: Sequence[Program],
    scalings: Sequence[Scaling],
    theta: Float[np.ndarray, " 2"],
    direction: Float[np.ndarray, " 2"],
) -> Float[np.ndarray, " values"]:
    up, down = (_settled(model, programs, scalings, theta + sign * _STEP * direction) for sign in (1, -1))
    return np.asarray((up - down).ravel() / (2 * _STEP))


def _settled(
    model: DeviceModel, programs: Sequence[Program], scalings: Sequence[Scaling], theta: Float[np.ndarray, " 2"]
) -> Float[np.ndarray, "programs n"]:
    changed = _changed(model, float(theta[0]), float(theta[1]))
    pairs = zip(programs, scalings, strict=True)
    return np.array([changed.response(p, s, allow_clipping=True).settled for p, s in pairs])


def _changed(model: DeviceModel, log_conductance: float, offset: float) -> DeviceModel:
    chip = model.instance
    factor = float(np.exp(log_conductance))
    errors = {
        name: factor * (1 + values) - 1 if name in chip.topology.programmed else values
        for name, values in chip.errors.items()
    }
    errors |= {name: values + offset for name, values in errors.items() if "offset" in name}
    return replace(model, instance=replace(chip, errors=_symmetric(chip, errors)))


def _symmetric(chip: Instance, errors: dict[str, Float[np.ndarray, "..."]]) -> dict[str, Float[np.ndarray, "..."]]:
    """The diagonal of a mirrored array belongs to no component."""
    found = dict(errors)
    for name in chip.topology.mirrored & chip.topology.programmed:
        values = np.array(found[name])
        k = np.arange(values.shape[-1])
        values[..., k, k] = chip.errors[name][..., k, k]
        found[name] = values
    return found


def _at(model: DeviceModel, warmer: float) -> DeviceModel:
    chip = model.instance
    design = chip.design.model_copy(update={"temperature": chip.design.temperature + warmer})
    return replace(model, instance=replace(chip, design=design))


def _offset_tolerance(model: DeviceModel) -> float:
    amplifier = model.design.amplifier
    return amplifier.offset_sigma if amplifier is not None and model.level != "ideal" else 0.0


def _check(
    model: DeviceModel, programs: Sequence[Program], readouts: Float[np.ndarray, "..."], sigma: float
) -> Float[np.ndarray, "programs n"]:
    _check_mean(model)
    values = np.asarray(readouts, dtype=float)
    if not programs or values.shape != (len(programs), model.n):
        raise ValueError(
            f"track_drift: expected readouts ({len(programs)}, {model.n}) of at least one program, got {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("track_drift: expected finite readouts, got nan or inf")
    if not 0 < sigma < np.inf:
        raise ValueError(f"track_drift: expected sigma above zero, got {sigma}")
    return values


def _check_mean(model: DeviceModel) -> None:
    if model.instance.topology.answer != "mean":
        raise ValueError(f"drift: a {model.instance.topology.name} answers by its covariance, not by settled readouts")
