"""What `thermospice calibrate` does with its options: one chip or many, measured here or elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import with_config

from ...behavioral import Calibration, PopulationModel
from ...behavioral.calibration import check_nuisances
from ...behavioral.comparison import short
from ...campaigns import fit_chips, folders_of, is_measured, measure_chip
from ...circuits import Design, Instance, Level, Topology
from ...circuits.topologies import get_topology
from ...circuits.trials import get_chip_design, get_chip_level, get_instance, without_effect
from ...fidelity import held_out as heldout
from ...files import write_json
from ...files.forecasts import in_turn
from ...files.opening import check_count, check_seed
from ...measurements import (
    MOST_PROGRAMS,
    MeasurementError,
    check_kinds,
    check_programs,
    load_measurements,
    load_numbered,
    save_measurements,
)
from ...netlists import measure_for_calibration
from ...netlists.amplifiers import changed_since
from ...reports.wording import counted
from .._exceptions import InputError
from ..forecasts import announce, calibration_forecast, chips_forecast, fit_forecast_of
from ..frame import STRICT, Job, StoredCount, StoredSeed, checked, state_file
from ..inputs import AmplifierOptions, amplifiers, lab
from ..views import calibration as findings
from ..views import population, table


@with_config(STRICT)
@dataclass(frozen=True, slots=True)
class CalibrationRequest:
    """What is drawn and measured; kept in the folder for `--resume`."""

    topology: str
    size: StoredCount
    seed: StoredSeed
    design: str | None = None
    level: str | None = None
    rank: StoredCount | None = None
    programs: StoredCount | None = None
    kinds: Sequence[str] | None = None
    temperature: float | None = None
    instance_seed: StoredSeed | None = None
    instances: StoredCount | None = None
    nuisances: Sequence[str] = ()

    def __post_init__(self) -> None:
        check_seed(self.seed)
        check_seed(self.chip_seed, "instance-seed")

    @property
    def chip_design(self) -> Design:
        return get_chip_design(self.topology, self.design, self.temperature, level=self.level)

    @property
    def chip_topology(self) -> Topology:
        return get_topology(self.topology, self.size, self.rank)

    @property
    def chip_level(self) -> Level:
        return get_chip_level(self.level, self.chip_design, self.topology)

    @property
    def chip_seed(self) -> int:
        return self.seed if self.instance_seed is None else self.instance_seed

    def instance(self, k: int = 0) -> Instance:
        """The chip of this seed, or the k-th after it."""
        return get_instance(self.chip_design, self.chip_topology, self.chip_seed + k)


def with_own_amplifier(this: Job, request: CalibrationRequest, own: AmplifierOptions) -> CalibrationRequest:
    """The request with a design in the command's folder where the amplifier is one of a file; else as it is."""
    request = replace(request, level=own.level(request.level))
    board = (
        request.chip_design
        if own.file is None
        else get_chip_design(request.topology, request.design, request.temperature)
    )
    design = own.put(board, get_chip_level(request.level, board, request.topology))
    path = amplifiers.kept(design, this.folder)
    for line in amplifiers.told(design):
        this.say(line)
    return request if path is None else replace(request, design=path)


def get_nuisances(names: Sequence[str] | None) -> tuple[str, ...]:
    """Kinds of unknowns of a bench, with commas between them or one by one.

    Raises:
        InputError: an unknown name.
    """
    try:
        return check_nuisances([part for name in names or () for part in name.split(",")])
    except MeasurementError as error:
        raise InputError(f"--{error}") from None


def check_together(
    measurements: Sequence[Path] | None,
    instances: int | None,
    held_out: int,
    keep_below: float | None,
    resume: Path | None,
    out: Path | None,
) -> None:
    """Raise `InputError` for options that contradict each other, or ask for too much."""
    check_count("held-out", held_out, MOST_PROGRAMS)
    if resume is not None and (measurements or instances is not None or out is not None):
        raise InputError("--resume: goes on with the chips of its own folder; give no measurements, --instances, --out")
    if measurements and instances is not None:
        raise InputError("--instances: draws and measures chips here; give either it or measurements")
    if held_out and (measurements or instances is not None):
        raise InputError("--held-out: measures the chip that is drawn here; give no measurements and no --instances")
    if keep_below is not None and (measurements or instances is not None):
        raise InputError("--keep-below: is for the chip that is drawn here; give no measurements and no --instances")


def from_drawn(this: Job, request: CalibrationRequest, held_out: int, keep_below: float | None = None) -> None:
    """One chip, measured in ngspice, programs that the fit did not see, and when to calibrate it again."""
    findings.check_limit(keep_below)
    instance, level = request.instance(), request.chip_level
    _say_what_means_nothing(this, request)
    count = check_programs(request.programs, request.chip_topology)
    kinds = check_kinds(request.kinds, instance, level)
    announce(this, calibration_forecast(instance, level, count, request.kinds, request.nuisances))
    chip = f"{request.topology} with {counted(request.size, 'cell')}"
    what = f"ngspice: {counted(count, 'program')} ({', '.join(kinds)}), {chip}"
    with this.step(what):
        data = measure_for_calibration(instance, level, count, request.seed, request.kinds)
    found = _fit(this, data, request.nuisances, announced=True)
    findings.write(found.model, instance, data, this.folder)
    findings.write_identifiability(found, this.folder)
    rows: list[heldout.HeldOutRow] = []
    more: dict[str, Any] = {}
    if keep_below is not None:
        more["recalibrate_at_s"] = findings.schedule(found.model, instance, keep_below, request.seed)
    if held_out:
        with this.step(f"ngspice: {held_out} held-out programs"):
            rows = heldout.rows(instance, found, held_out, request.seed)
            more |= {"held_out": rows, "correction": heldout.corrected(instance, found.model, held_out, request.seed)}
        write_json(this.folder / "heldout.json", rows)
    failed = found.verdict.contradicted or not all(row["passed"] for row in rows)
    this.finish({**findings.summary(found.model, instance, found), **more}, exit_code=int(failed))
    _show(this, found, instance)
    if rows:
        this.show(table(rows))
    for line in findings.advice(more, keep_below):
        this.say(line)


def from_files(this: Job, paths: Sequence[Path], nuisances: Sequence[str] = ()) -> None:
    """Measurements of one chip in files, or of several in folders."""
    if not any(path.is_dir() for path in paths):
        _one_chip(this, load_measurements(paths), nuisances)
        return
    chips = folders_of(paths)
    if len(chips) == 1:
        _one_chip(this, load_measurements(chips[0]), nuisances)
        return
    _process(this, [partial(load_measurements, files) for files in chips], [str(path) for path in paths], nuisances)


def from_lab(
    this: Job, paths: Sequence[Path], nuisances: Sequence[str], facts: Mapping[str, Any], held_out: int = 0
) -> None:
    """Records of a bench, with what a description says of them; some kept back from the fit."""
    data, kept = lab.split(lab.load(paths, facts), held_out)
    wanted = get_nuisances([*nuisances, *data.unknown])
    this.say(f"believed: {data.believed}")
    with lab.files_named(data.files):
        found = _fit(this, list(data.measurements), wanted)
    for line in data.notes:
        this.say(line)
    findings.write(found.model, None, [], this.folder)
    findings.write_identifiability(found, this.folder)
    save_measurements(data.measurements, this.folder / "calibration")
    rows = findings.residuals(found, list(data.measurements), data.files)
    if kept.files:
        with lab.files_named(kept.files):
            rows += findings.held_out(found, list(kept.measurements), kept.files)
    write_json(this.folder / "residuals.json", rows)
    experiments = findings.experiments(found, data.measurements)
    write_json(this.folder / "experiments.json", [{"text": line} for line in experiments])
    told = {"believed": data.believed, "residuals": rows, "experiments": experiments, "notes": data.notes}
    failed = found.verdict.contradicted or not all(row.get("passed", True) for row in rows)
    this.finish({**findings.summary(found.model, None, found), **told}, exit_code=int(failed))
    _show(this, found, None, dict(zip(map(findings.digest, data.measurements), data.files, strict=True)))
    this.show(findings.residual_table(rows))
    for line in experiments:
        this.say(line)


def campaign(this: Job, request: CalibrationRequest) -> None:
    """Drawn chips, each measured in ngspice, to the model of their process."""
    count = population.check_instances(request.instances or 0)
    programs = check_programs(request.programs, request.chip_topology)
    check_kinds(request.kinds, request.instance(), request.chip_level)
    _say_what_means_nothing(this, request)
    folders = [this.folder / population.CHIPS / str(k) for k in range(count)]
    left = sum(not is_measured(folder) for folder in folders)
    announce(
        this,
        chips_forecast(request.instance(), request.chip_level, programs, request.kinds, request.nuisances, count, left),
    )
    population.save_request(this.folder, asdict(request))
    with this.step(f"ngspice: {counted(count, 'chip')} with {counted(programs, 'program')} each") as step:
        for k, folder in enumerate(folders):
            step.advance(k, count)
            measure_chip(request.instance(k), request.chip_level, programs, request.kinds, request.seed + k, folder)
    chips = [partial(load_numbered, folder / "calibration") for folder in folders]
    _process(this, chips, [f"chip {k}" for k in range(count)], request.nuisances, announced=True)


def resume_campaign(this: Job) -> None:
    """Go on with the chips of a folder.

    Raises:
        InputError: the folder is not one of a campaign.
    """
    request = checked(CalibrationRequest, population.load_request(this.folder), state_file(this.folder))
    request = replace(request, design=amplifiers.kept_at(request.design, this.folder))
    if (told := changed_since(request.chip_design, Path())) is not None:
        this.say(f"warning: {told}")
    campaign(this, request)


def _say_what_means_nothing(this: Job, request: CalibrationRequest) -> None:
    for line in without_effect(request.chip_design, request.chip_level, request.temperature):
        this.say(f"warning: {line}")


def _one_chip(this: Job, data: list[xr.Dataset], nuisances: Sequence[str]) -> None:
    found = _fit(this, data, nuisances)
    findings.write(found.model, None, [], this.folder)
    findings.write_identifiability(found, this.folder)
    this.finish(findings.summary(found.model, None, found), exit_code=int(found.verdict.contradicted))
    _show(this, found, None)


def _process(
    this: Job, chips: Sequence[Any], names: Sequence[str], nuisances: Sequence[str], announced: bool = False
) -> None:
    if not announced and (first := chips[0]()):
        announce(this, in_turn([fit_forecast_of(first, nuisances)] * len(chips)))
    with this.step(f"calibrate {counted(len(chips), 'chip')}") as step:
        calibrations = fit_chips(chips, names, step.advance, nuisances)
        found = PopulationModel.estimate(calibrations)
    population.write(found, this.folder)
    # That the chips' tolerances are not the design's is what a process is estimated for.
    wrong = [(name, chip.verdict) for name, chip in zip(names, calibrations, strict=True) if chip.verdict.misfit]
    contradicted = {"contradicted": {name: str(verdict) for name, verdict in wrong}}
    this.finish({**population.summary(found), **contradicted}, exit_code=int(bool(wrong)))
    this.show(population.table(found))
    for name, verdict in wrong:
        this.say(f"{name}: {short(verdict)}")


def _fit(this: Job, data: list[xr.Dataset], nuisances: Sequence[str], announced: bool = False) -> Calibration:
    if not announced and data:
        announce(this, fit_forecast_of(data, nuisances))
    with this.step(f"calibrate on {len(data)} measurements"):
        return Calibration.of(data, nuisances)


def _show(this: Job, found: Calibration, instance: Instance | None, files: Mapping[str, str] | None = None) -> None:
    this.show(findings.table(found.model, instance))
    for line in findings.told(found, files):
        this.say(line)
