"""Records that a bench could still make of a chip, and what each would add to its calibration."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...circuits import CircuitError, Program, ProgramError
from ...measurements import MeasurementError, calibration_programs, calibration_scaling, dataset
from ...measurements.layout import Variables
from ..calibration import Calibration, information_of
from ..devices import Response

MOST_CELLS = 16
"""Of larger chips the records that are tried would take as long as the fit."""

WORTH = 0.8
"""Part of an error bar that is left by a record which is worth its while."""

_POINTS = 60
_RESPONSE = 0.01
_SPECTRUM = 0.03
_READOUT = 1e-3


@dataclass(frozen=True, slots=True)
class Advice:
    """The record that reduces the error bar of an unknown most, of those that are worth their while."""

    unknown: str
    record: str
    now: float
    """Standard error by the tolerance."""
    then: float
    """The same with the record."""


def further_records(found: Calibration, readout: float | None = None) -> list[Advice]:
    """For each unknown that is not identified the best further record; nothing where none helps.

    A symmetric program, a general one and one without a drive are tried, each settled, as a step until it has settled
    and within the first time constant, as a response and as a noise spectrum. With the fit's covariance C and the
    information I of a record, what is left is `(C^-1 + I)^-1`; a baseline of its own is unknown in the record, too.

    Args:
        found: the fit.
        readout: standard deviation of one reading [V]; a thousandth of the full scale unless given.
    """
    model = found.model
    left = [k for k, name in enumerate(found.names) if name in model.not_identified]
    if not left or model.n > MOST_CELLS:
        return []
    scale = np.outer(found.prior, found.prior)
    precision = np.linalg.pinv(found.covariance / scale, hermitian=True)
    now = np.sqrt(np.diag(found.covariance)) / found.prior
    best: dict[int, tuple[float, str]] = {}
    for what, record in _records(found, readout):
        try:
            errors = np.sqrt(np.diag(np.linalg.inv(precision + information_of(found, record))))
        except (MeasurementError, np.linalg.LinAlgError):
            continue
        for k in left:
            if k not in best or errors[k] < 0.99 * best[k][0]:
                best[k] = (float(errors[k]), what)
    worth = [k for k in left if k in best and best[k][0] < WORTH * now[k]]
    return [Advice(found.names[k], best[k][1], float(now[k]), best[k][0]) for k in worth]


def _records(found: Calibration, readout: float | None) -> Iterator[tuple[str, xr.Dataset]]:
    """What the model says of each record that is tried."""
    model = found.model
    sigma = readout or _READOUT * model.design.converters.full_scale
    for what, program in _programs(found):
        try:
            # The whole drive, as a bench would; a program of zero drive is not scaled by it.
            scaling = calibration_scaling(model.instance, program, model.level)
            response = model.response(program, scaling, allow_clipping=True)
        except (CircuitError, ProgramError, ValueError):
            continue
        for name, variables, attributes in _analyses(response, model.design.tau, sigma, bool(program.b.any())):
            told = {"instance_digest": "tried", "simulator": "model", **attributes}
            data = dataset(model.instance, program, model.level, scaling, variables, told)
            yield f"{name} of {what}", data


def _programs(found: Calibration) -> Sequence[tuple[str, Program]]:
    symmetric, general = calibration_programs(found.model.instance, 2, np.random.default_rng(0))
    nothing = np.zeros(found.model.n)
    factors = general.factors
    quiet = Program(general.A, nothing) if factors is None else Program.from_factors(*factors, nothing)
    return (
        ("a further symmetric program", symmetric),
        ("a further general program", general),
        ("a program without a drive", quiet),
    )


def _analyses(
    response: Response, tau: float, sigma: float, driven: bool
) -> Iterator[tuple[str, Variables, dict[str, Any]]]:
    settled = {"v": (("cell",), response.settled, "V")}
    yield "the settled voltages", settled, {"analysis": "op", "readout_sigma": sigma}
    f = np.geomspace(1e-2 / (2 * np.pi * tau), 1e3 / (2 * np.pi * tau), _POINTS)
    if driven:
        for what, times in (("a step", 10 * tau), ("a step within the first time constant", tau)):
            t = np.linspace(0.0, times, _POINTS + 1)[1:]
            v: Float[np.ndarray, "t n"] = response.mean_at(t, np.zeros(response.n))
            transient: Variables = {"v": (("time", "cell"), v, "V"), "time": (("time",), t, "s")}
            yield what, transient, {"analysis": "tran", "readout_sigma": sigma}
        H = response.transfer(f)
        dims = ("frequency", "cell")
        parts: Variables = {"v_re": (dims, H.real.copy(), "V"), "v_im": (dims, H.imag.copy(), "V")}
        over: Variables = {"frequency": (("frequency",), f, "Hz")}
        yield "a response", {**parts, **over}, {"analysis": "ac", "relative_sigma": _RESPONSE}
    low = f[f < 100 / (2 * np.pi * tau)]
    axis: Variables = {"frequency": (("frequency",), low, "Hz")}
    psd: Variables = {"psd": (("frequency", "cell"), response.psd(low), "V^2/Hz"), **axis}
    yield "a noise spectrum", psd, {"analysis": "noise", "relative_sigma": _SPECTRUM}
