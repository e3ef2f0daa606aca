"""One chip against its three models: the design alone, the calibrated one, and the one that knows what was drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..behavioral import DeviceModel, compare
from ..behavioral.comparison import rms_z, short
from ..circuits import Instance, Program, Scaling
from ..netlists import simulate
from .subjects import Row, make_row, relative

Models = Mapping[str, DeviceModel]
"""By `design`, `calibrated` and `nominal`."""

# Normalised rms of the worst held-out program.
_LIMITS = {
    # The same circuit equations, solved exactly and by ngspice with reltol 1e-6: its local errors add up to 1e-4.
    "nominal": 1e-4,
    # What an 8-bit-accurate solver needs of its model: half a step of 2^-8.
    "calibrated": 2e-3,
}


def one_chip_rows(
    instance: Instance,
    program: Program,
    models: Models,
    held_out: Sequence[xr.Dataset],
    noise: xr.Dataset,
    parameters: Sequence[dict[str, Any]],
) -> list[Row]:
    """Rows of the fidelity table for one chip.

    Args:
        instance: the chip, as it was drawn.
        program: loaded into its nominal twin.
        models: of the chip.
        held_out: transients of programs that the calibration never saw.
        noise: of the chip with a program.
        parameters: what was fitted against what was drawn, as `findings.parameters` gives it.
    """
    rows = [_ideal_row(instance, program)]
    for name, limit in _LIMITS.items():
        worst = max((compare(data, models[name]) for data in held_out), key=lambda c: c.value)
        rows.append(worst.row(limit) | {"metric": f"{name} model, normalised rms, worst held-out program"})
    rows.append(compare(noise, models["nominal"]).row(1e-3) | {"metric": "covariance against Lyapunov, Frobenius"})
    rows += [_z_row(instance, parameters), _verdict_row(instance, models["calibrated"])]
    return rows


def _ideal_row(instance: Instance, program: Program) -> Row:
    """No mismatch, ideal amplifiers: SPICE against numpy."""
    perfect = instance.design.nominal(instance.topology)
    v = simulate(perfect, program, "op", "ideal")["v"].values
    error = relative(v - program.solution, program.solution)
    # ngspice stops at reltol 1e-6 in node voltages; a condition number of 10 and 8 cells turn that into 1e-5 at most.
    return make_row(instance, "ideal", "op", "settled against A^-1 b, no mismatch", error, 2e-4)


def _z_row(instance: Instance, parameters: Sequence[dict[str, Any]]) -> Row:
    # A row's common factor is settled by the prior alone, and its entries' z-scores move with it: at worst there are
    # as many independent scores as cells. Of 8 unit normal scores the rms exceeds 2 once in ten thousand.
    rms = rms_z(parameters) or 0.0
    metric = "rms z-score of the fitted against the drawn deviations"
    return make_row(instance, "macro", "calibration", metric, rms, 2.0)


def _verdict_row(instance: Instance, device: DeviceModel) -> Row:
    verdict = device.verdict
    metric = f"checks of the calibration that contradict it, of {len(verdict.checks)}"
    row = make_row(instance, "macro", "calibration", metric, float(len(verdict.contradictions)), 0.0)
    return {**row, "reason": short(verdict)} if verdict.contradicted else row


def settled_answers(data: xr.Dataset, models: Models) -> dict[str, Any]:
    """Settled readouts of a transient in SPICE and by each model [V]."""
    settled = {name: model.response(*loaded_program(data)).settled for name, model in models.items()}
    return {"spice": data["v"].values[-1], **settled}


def waveforms(data: xr.Dataset, models: Models) -> xr.Dataset:
    """A transient of SPICE beside those of the models, with the noise's standard deviation, few enough for a figure."""
    time = data["time"].values
    # A figure shows no more than some hundred points of a curve; ngspice makes thousands.
    kept = np.unique(np.searchsorted(time, np.linspace(0, time[-1], 500)).clip(max=len(time) - 1))
    waves = {name: model.response(*loaded_program(data)).mean_at(time[kept]) for name, model in models.items()}
    sd = np.sqrt(np.diag(models["calibrated"].response(*loaded_program(data)).stationary_covariance()))
    spice = data["v"].values[kept]
    variables = {name: (("time", "cell"), values) for name, values in {"spice": spice, **waves}.items()}
    return xr.Dataset(variables | {"sd": ("cell", sd)}, {"time": time[kept], "cell": np.arange(len(sd))})


def loaded_program(data: xr.Dataset) -> tuple[Program, Scaling]:
    """The program that a measurement was made with, and how it was scaled."""
    scaling = Scaling(data.attrs["conductance_scale"], data.attrs["drive_scale"])
    return Program(data["A"].values, data["b"].values), scaling
