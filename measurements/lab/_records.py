"""From files of a bench to measurements in the layout of this room."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Complex, Float, Inexact

from ...circuits import Design, DesignError, Instance, Level, Program, ProgramError, Scaling
from ...files import joined, parse_json
from .._exceptions import MeasurementError
from ..layout import Variables, dataset, load_measurement, moment_variables
from ._cells import Waveforms, cell_places, named_cells, waveforms_of
from ._description import Lab, RecordFacts
from ._moment_tables import moments_of, scale_free, unnamed_errors
from ._sources import Source, check_paths, read_source

_BEYOND = 3.0
"""Times the full scale of the converters: no amplifier of such a design reaches it."""


@dataclass(frozen=True, eq=False)
class LabData:
    """Measurements with what is believed of them."""

    measurements: tuple[xr.Dataset, ...]
    files: tuple[str, ...]
    believed: str
    """In words: design, chip, level, programs."""
    design: str | None
    """Name of the design that the description or the files say."""
    unknown: tuple[str, ...]
    """Nuisances that the description asks for."""
    notes: tuple[str, ...]
    held_out: tuple[bool, ...] = ()
    """Of each measurement, whether it is kept back from a fit."""


def read_lab(lab: Lab, paths: Sequence[Path], known: tuple[Instance, Level] | None = None) -> LabData:
    """Every record, checked; what is missing is asked for all at once.

    Args:
        lab: what the files do not say.
        paths: records: text tables, raw files of ngspice or LTspice, Touchstone, or netCDF of this package.
        known: the chip and its level, where a model says them and the description does not.

    Raises:
        MeasurementError: one line with everything that is missing or wrong.
    """
    check_paths(paths)
    ours = [path for path in paths if path.suffix.lower() != ".nc"]
    tables = {path: read_source(path, lab.record(path)) for path in ours}
    missing = [*lab.missing(known is not None), *_asked(lab, tables)] if ours else []
    if missing:
        raise MeasurementError(f"{lab.where}: missing: {'; '.join(dict.fromkeys(missing))}; write them there")
    try:
        found, notes = _measurements(lab, tables, paths, known)
    except (DesignError, ProgramError) as error:
        raise MeasurementError(f"{lab.where}: {error}") from None
    data = [one for _, one in found]
    names = tuple(name for name, _ in found)
    kept = {path.name for path in paths if lab.record(path).held_out}
    return LabData(
        measurements=tuple(data),
        files=names,
        believed=_believed(data[0]),
        design=_design_name(lab),
        unknown=tuple(lab.facts.unknown),
        notes=tuple(notes),
        held_out=tuple(name in kept for name in names),
    )


def _asked(lab: Lab, tables: Mapping[Path, Source]) -> Iterator[str]:
    """What single records need and nobody says."""
    programs = lab.programs
    for path, table in tables.items():
        facts = lab.record(path)
        if facts.program is None and len(programs) > 1 and not table.names_programs:
            yield f"records: {path.name}: program: one of {', '.join(programs)}"
        if facts.probe_gain is None and not scale_free(table):
            yield "probe_gain: volts of the record for a volt of the chip"
        if table.kind in ("tran", "op") and facts.readout_noise is None:
            yield "readout_noise: standard deviation of one reading"
        stated = table.kind in ("tran", "op") or (table.kind == "covariance" and not unnamed_errors(table))
        if not stated and facts.relative_error is None:
            yield "relative_error: of one value of a spectrum or a response"
        if unknown := table.unknown_units(facts):
            yield f"units: of {', '.join(unknown)} in {path.name}"


Found = list[tuple[str, xr.Dataset]]


def _measurements(
    lab: Lab, tables: Mapping[Path, Source], paths: Sequence[Path], known: tuple[Instance, Level] | None
) -> tuple[Found, list[str]]:
    found: Found = []
    wrong: list[str] = []
    notes: list[str] = []
    for path in paths:
        try:
            if path not in tables:
                found.append((path.name, load_measurement(path)))
                continue
            if tables[path].kind in ("cross", "covariance"):
                found.append((path.name, _of_moments(path, tables[path], lab, known)))
                continue
            for name, waveforms, facts in _parts(path, tables[path], lab):
                loaded = _loaded(lab, name, known)
                found.append((path.name, _dataset(path, waveforms, facts, lab, *loaded)))
                notes += [f"{path.name}: {note}" for note in waveforms.notes]
        except MeasurementError as error:
            wrong.append(str(error))
    if wrong:
        raise MeasurementError(joined(list(dict.fromkeys(wrong))))
    return found, notes


def _loaded(lab: Lab, name: str, known: tuple[Instance, Level] | None) -> tuple[Instance, Level, Program, Scaling]:
    """The chip that is believed, and the program that was on it."""
    program, scaling = lab.program(name)
    nominal, level = known if known and lab.facts.design is None else _nominal(lab, program)
    if nominal.topology.n != program.n:
        raise MeasurementError(f"{lab.where}: program {name}: expected {nominal.topology.n} cells, got {program.n}")
    return nominal, level, program, scaling


def _of_moments(path: Path, table: Source, lab: Lab, known: tuple[Instance, Level] | None) -> xr.Dataset:
    """Cross-spectra or covariances of a chip's cells."""
    facts = lab.record(path)
    nominal, level, program, scaling = _loaded(lab, facts.program or next(iter(lab.programs)), known)
    moments = moments_of(path, table, facts, named_cells(table, facts, program.n), _gains(path, facts, program.n))
    attributes: dict[str, Any] = {
        "analysis": table.kind,
        "simulator": "bench",
        "instance_digest": f"bench: {lab.facts.chip}",
        "source": path.name,
        "relative_sigma": facts.relative_error,
    }
    return dataset(nominal, program, level, scaling, moment_variables(moments), attributes)


def _gains(path: Path, facts: RecordFacts, n: int) -> Float[np.ndarray, " n"]:
    gains = np.atleast_1d(np.asarray(1.0 if facts.probe_gain is None else facts.probe_gain, dtype=float))
    if len(gains) not in (1, n):
        raise MeasurementError(f"{path}: probe_gain: expected one number, or {n}, one for each cell")
    return np.array(np.broadcast_to(gains, (n,)))


def _nominal(lab: Lab, program: Program) -> tuple[Instance, Level]:
    design, topology, level = lab.chip(program.n)
    topology.check(program)
    return design.nominal(topology), level


def _parts(path: Path, table: Source, lab: Lab) -> Iterator[tuple[str, Waveforms, RecordFacts]]:
    """A record, or each operating point of one: the program's name, and what was seen of the cells."""
    facts = lab.record(path)
    if not table.names_programs:
        name = facts.program or next(iter(lab.programs))
        n = lab.program(name)[0].n
        yield name, waveforms_of(path, table, cell_places(path, table, facts, n), facts), facts
        return
    for row in range(len(table.values)):
        name = f"{table.values[row, 0].real:g}"
        n = lab.program(name)[0].n
        one = table.row(row)
        yield name, waveforms_of(path, one, cell_places(path, one, facts, n), facts), facts


def _dataset(
    path: Path,
    waveforms: Waveforms,
    facts: RecordFacts,
    lab: Lab,
    nominal: Instance,
    level: Level,
    program: Program,
    scaling: Scaling,
) -> xr.Dataset:
    gain = _gains(path, facts, program.n)
    if waveforms.kind in ("tran", "op"):
        _check_scale(path, waveforms.cells / gain, nominal.design)
    sigma = None if facts.readout_noise is None else float(facts.readout_noise / gain.min())
    attributes: dict[str, Any] = {
        "analysis": waveforms.kind,
        "simulator": "bench",
        "instance_digest": f"bench: {lab.facts.chip}",
        "source": path.name,
    }
    if waveforms.kind in ("tran", "op"):
        attributes["readout_sigma"] = sigma
    else:
        attributes["relative_sigma"] = facts.relative_error
    if waveforms.kind == "tran" and facts.noise == "chip":
        attributes["noise_seed"] = 0
    return dataset(nominal, program, level, scaling, _variables(waveforms, gain), attributes)


def _check_scale(path: Path, v: Inexact[np.ndarray, "rows n"], design: Design) -> None:
    largest = float(np.abs(v).max())
    most = _BEYOND * design.converters.full_scale
    if largest > most:
        raise MeasurementError(
            f"{path}: expected at most {most:g} V, {_BEYOND:g} times the full scale of design {design.name}, got"
            f" {largest:.3g} V; the units or scales are wrong, or probe_gain is"
        )


def _variables(found: Waveforms, gain: Float[np.ndarray, " n"]) -> Variables:
    v: Complex[np.ndarray, "rows n"] | Float[np.ndarray, "rows n"] = found.cells
    match found.kind:
        case "op":
            return {"v": (("cell",), np.asarray(v[0].real / gain), "V")}
        case "tran":
            return {"v": (("time", "cell"), v.real / gain, "V"), "time": (("time",), found.axis, "s")}
        case "noise":
            psd = v.real / gain**2
            return {
                "psd": (("frequency", "cell"), psd, "V^2/Hz"),
                "frequency": (("frequency",), found.axis, "Hz"),
            }
        case _:
            dims = ("frequency", "cell")
            H = v / gain
            parts = {"v_re": (dims, H.real.copy(), "V"), "v_im": (dims, H.imag.copy(), "V")}
            return {**parts, "frequency": (("frequency",), found.axis, "Hz")}


def _design_name(lab: Lab) -> str | None:
    if lab.facts.design is not None and lab.facts.topology is not None:
        return lab.design().name
    return None


def _believed(first: xr.Dataset) -> str:
    """Which chip the measurements are taken to be of."""
    attrs = first.attrs
    design = attrs.get("design")
    name = "unknown" if design is None else Design.from_dict(parse_json(str(design), "design")).name
    chip = str(attrs.get("instance_digest", ""))[:24]
    return f"design {name}, {attrs.get('topology')} of {attrs.get('n')} cells, level {attrs.get('level')}, {chip}"
