"""What a calibration found: as files, as a table, and in sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table

from ...behavioral import Calibration, DeviceModel, recalibration_times
from ...behavioral.calibration import NUISANCES
from ...behavioral.comparison import judge_records, parameters, rms_z, short
from ...behavioral.further_records import further_records
from ...circuits import Instance
from ...files import write_json, write_text
from ...measurements import PROGRAM_STREAM, calibration_programs, read_measurement, save_measurements
from ...netlists.simulators import versions
from .._exceptions import InputError


def write_identifiability(found: Calibration, folder: Path) -> None:
    """What the measurements cannot separate, and what the model leaves unexplained of them."""
    shown = [{"weights": dict(one.weights), "open": one.open} for one in found.combinations]
    content = {
        "combinations": shown,
        "ambiguity": found.ambiguity,
        "excess": dict(found.excess),
        "verdict": found.verdict.to_dict(),
    }
    write_json(folder / "identifiability.json", content)


def write(device: DeviceModel, instance: Instance | None, measured: Sequence[xr.Dataset], folder: Path) -> None:
    """The model, its parameters, and the chip and its measurements where they were made here."""
    write_json(folder / "parameters.json", parameters(device, instance))
    device.save(folder / "device.json")
    if instance is not None:
        instance.save(folder / "instance.json")
        write_text(folder / "design.yaml", instance.design.to_yaml())
        save_measurements(measured, folder / "calibration")


_OF_THE_CHIP = {"gain": "V/V", "gain_bandwidth": "Hz", "noise_scale": "relative"}
"""Values of a model that all its cells share, with their units."""


def summary(device: DeviceModel, instance: Instance | None, found_by: Calibration | None = None) -> dict[str, Any]:
    """What was fitted, how well, and where it comes from."""
    rows = parameters(device, instance)
    found: dict[str, Any] = {
        "device": "device.json",
        "design": device.design.name,
        "topology": device.instance.topology.name,
        "level": device.level,
        "n": device.n,
        "parameters": rows,
        "not_identified": device.not_identified,
        "open_combinations": None if found_by is None else [str(one) for one in found_by.combinations],
        "ambiguity": None if found_by is None else found_by.ambiguity,
        "excess": None if found_by is None else dict(found_by.excess),
        "verdict": device.verdict.status,
        "contradictions": [asdict(check) | {"text": str(check)} for check in device.verdict.contradictions],
        "checks": len(device.verdict.checks),
        "bench": {name: {"value": e.value, "standard_error": e.standard_error} for name, e in device.bench.items()},
        "thinned": None if found_by is None or not found_by.thinned else found_by.thinned,
        "rms_z": rms_z(rows),
        "residual": device.provenance.residual,
        "samples": device.provenance.samples,
        "discarded": device.provenance.discarded,
        "versions": versions(),
    }
    for name in _OF_THE_CHIP:
        estimate = getattr(device, name)
        if estimate is not None:
            told = {"identified": name not in device.not_identified}
            found[name] = {"value": estimate.value, "standard_error": estimate.standard_error, **told}
    return found


def table(device: DeviceModel, instance: Instance | None) -> Table:
    """One line for each kind of deviation, and one for each value of the whole chip with its standard error."""
    rows = parameters(device, instance)
    shown = Table("deviation", "fitted", "value or rms", "standard error", "rms z-score", box=None)
    for name in dict.fromkeys(row["name"] for row in rows):
        group = [row for row in rows if row["name"] == name]
        rms = [float(np.sqrt(np.mean([row[key] ** 2 for row in group]))) for key in ("estimate", "standard_error")]
        z = rms_z(group)
        shown.add_row(
            with_unit(name), str(len(group)), f"{rms[0]:.2e}", f"{rms[1]:.1e}", "–" if z is None else f"{z:.2f}"
        )
    for name, unit in _OF_THE_CHIP.items():
        estimate = getattr(device, name)
        if estimate is not None:
            error = f"{estimate.standard_error:.1e}" if name not in device.not_identified else "not measured"
            shown.add_row(f"{name} ({unit})", "1", f"{estimate.value:.4g}", error, "–")
    for name, estimate in device.bench.items():
        unit = NUISANCES[name.split("[")[0].replace("_", "-")].unit
        label = f"bench: {name} ({'relative' if unit == '1' else unit})"
        shown.add_row(label, "1", f"{estimate.value:.4g}", f"{estimate.standard_error:.1e}", "–")
    return shown


def with_unit(deviation: str) -> str:
    """A kind of deviation with its unit: offsets are voltages, all others relative."""
    return f"{deviation} ({'V' if 'offset' in deviation else 'relative'})"


def told(found: Calibration, files: Mapping[str, str] | None = None) -> list[str]:
    """Sentences on what contradicts the fit, what it left out, and what it could not find out.

    Args:
        found: the fit.
        files: names of the measurements by their digest; their numbers unless given.
    """
    names = files or {}
    lines = [short(found.verdict)] if found.verdict.contradicted else []
    if found.verdict.misfit:
        lines.append("error bars are withheld: they are the design's tolerances, or as large as the estimates")
    lines += [
        f"left out: {names.get(name, f'measurement {name[:12]}...')}, {why}"
        for name, why in found.model.provenance.discarded.items()
    ]
    if found.combinations:
        first = found.combinations[0]
        count = len(found.combinations)
        what = f"{count} combinations stay" if count > 1 else "one combination stays"
        lines.append(f"{what} as open as the tolerances, such as {first}")
    if found.ambiguity:
        lines.append(f"another chip gives the same measurements: {found.ambiguity}")
    lines += list(found.thinned)
    lines += [f"{kind}: {x:.2g} times the stated error is left" for kind, x in found.excess.items() if x > 1]
    return lines


DAY = 86400.0
"""Recalibrations are planned for so long [s]."""
_REFERENCES = 4


def check_limit(keep_below: float | None) -> None:
    """Raise `InputError` unless it is a relative error."""
    if keep_below is not None and not 0 < keep_below < 1:
        raise InputError(f"--keep-below: expected a relative error between 0 and 1, such as 0.01, got {keep_below:g}")


def schedule(device: DeviceModel, instance: Instance, keep_below: float, seed: int) -> list[float]:
    """When to calibrate again within a day [s], so that the design's drift keeps the answer's error below a limit.

    Raises:
        InputError: a device without a settled answer, or one that drifts faster than it can be calibrated.
    """
    programs = calibration_programs(instance, _REFERENCES, np.random.default_rng([seed, PROGRAM_STREAM]))
    try:
        return [float(t) for t in recalibration_times(device, programs, keep_below, DAY)]
    except ValueError as error:
        raise InputError(f"--keep-below: {error}") from None


def advice(found: Mapping[str, Any], keep_below: float | None) -> list[str]:
    """Sentences on the correction and the schedule, where they were asked for."""
    lines = []
    if correction := found.get("correction"):
        before, after = (f"{100 * correction[key]:.2g} %" for key in ("before", "after"))
        lines.append(
            f"held-out answers in ngspice err by at most {before} as they are, {after} with the drive corrected"
        )
    if (times := found.get("recalibrate_at_s")) is not None:
        count = len(times) - 1
        limit = f"{100 * (keep_below or 0):.2g} %"
        lines.append(
            f"drift stays below {limit} for a day without another calibration"
            if not count
            else f"to keep drift below {limit} calibrate again {count} times in a day, first after {times[1]:.3g} s"
        )
    return lines


def residuals(found: Calibration, measured: Sequence[xr.Dataset], files: Sequence[str]) -> list[dict[str, Any]]:
    """How far each record is from the fit, in units of its noise, and whether the fit used it."""
    discarded = found.model.provenance.discarded
    rows = []
    for data, file, check in zip(measured, files, judge_records(found.model, measured), strict=True):
        digest = read_measurement(data).digest
        row = {"file": file, "analysis": str(data.attrs["analysis"]), "rms": float(np.sqrt(check.statistic))}
        rows.append(
            {**row, "used": digest not in discarded, **({"why": discarded[digest]} if digest in discarded else {})}
        )
    return rows


def digest(measured: xr.Dataset) -> str:
    """The digest by which a fit knows a measurement."""
    return read_measurement(measured).digest


def held_out(found: Calibration, measured: Sequence[xr.Dataset], files: Sequence[str]) -> list[dict[str, Any]]:
    """Records that were not fitted, by their noise and by the error bars of the fit."""
    rows = []
    for data, file, check in zip(measured, files, judge_records(found.model, measured), strict=True):
        limit = None if check.limit is None else float(np.sqrt(check.limit))
        row = {"file": file, "analysis": str(data.attrs["analysis"]), "rms": float(np.sqrt(check.statistic))}
        told = {"used": False, "held_out": True, "limit": limit, "passed": check.passed}
        rows.append({**row, **told, **({} if check.passed else {"reason": str(check)})})
    return rows


def residual_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A line for each record."""
    shown = Table("record", "analysis", "residual by noise and error bars, rms", "used", box=None)
    for row in rows:
        kept = "held out, passed" if row.get("passed") else "held out, FAILED"
        shown.add_row(
            row["file"],
            row["analysis"],
            f"{row['rms']:.3g}",
            kept if row.get("held_out") else "yes" if row["used"] else "no",
        )
    return shown


_EXPERIMENTS = (
    (
        ("conductance", "ground", "jacobian", "hessian", "transpose", "damping", "feedback", "drive", "coupling"),
        "settled voltages or transients of more programs, with other matrices (three for each cell tell all entries)",
    ),
    (("capacitance", "inductance", "resistance"), "a transient sampled within the first time constant, or a response"),
    (("inverter", "stage"), "programs with negative entries in each column"),
    (("offset",), "a program with no drive, whose settled voltages are the offsets'"),
    (("gain_bandwidth", "output_resistance"), "a response beyond the cells' bandwidth, to the amplifiers' own"),
    (("gain",), "settled voltages read to a part in the amplifier's gain"),
    (("noise_scale", "noise_voltage", "noise_corner", "cell_noise"), "a noise spectrum, or a noisy transient"),
    (("trigger_delay",), "a transient sampled within the first time constant"),
    (("readout", "baseline"), "the bench's own calibration: a known voltage read by each channel"),
    (("leak", "stray"), "a slow transient for leaks, a fast response for stray capacitances"),
)


def experiments(found: Calibration, measured: Sequence[xr.Dataset] = ()) -> list[str]:
    """For what is not identified: which measurement would tell it, and of records that were tried, how much.

    Args:
        found: the fit.
        measured: what it was fitted to, whose readout a further record would have.
    """
    lines = []
    left = list(found.model.not_identified)
    if found.model.level == "ideal":
        # Ideal amplifiers have neither offsets nor gain errors: nothing could tell them.
        left = [name for name in left if "offset" not in name.split("[")[0] and not name.startswith("inverter")]
    if any(name.startswith("readout_gain") for name in found.model.bench):
        lines.append("readout gains are unknown: a known voltage read by each channel tells them from conductances")
    readout = [float(one.attrs["readout_sigma"]) for one in measured if one.attrs.get("readout_sigma")]
    advice = [] if found.verdict.contradicted else further_records(found, min(readout, default=None))
    for record in dict.fromkeys(one.record for one in advice):
        told = [one for one in advice if one.record == record and one.unknown in left]
        left = [name for name in left if name not in {one.unknown for one in told}]
        if told:
            more = f" and {len(told) - 3} more" if len(told) > 3 else ""
            shown = ", ".join(f"{one.unknown} ({one.now:.2g} to {one.then:.2g})" for one in told[:3])
            lines.append(f"not identified: {shown}{more}, error bars by tolerance; it takes {record}")
    for kinds, experiment in _EXPERIMENTS:
        mine = [name for name in left if name.startswith(kinds) or (kinds[0] == "offset" and "offset" in name)]
        left = [name for name in left if name not in mine]
        if mine:
            more = f" and {len(mine) - 3} more" if len(mine) > 3 else ""
            lines.append(f"not identified: {', '.join(mine[:3])}{more}; it takes {experiment}")
    return lines
