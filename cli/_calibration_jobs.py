"""What `thermospice calibrate` does with its options: one chip or many, measured here or elsewhere."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import with_config

from ..behavioral import Calibration, PopulationModel
from ..circuits import Design, Instance, Level, Topology
from . import _calibration as calibration
from . import _findings as findings
from . import _heldout as heldout
from . import _population as population
from ._errors import InputError
from ._folder import write_json
from ._inputs import get_chip_design, get_chip_level, get_instance, get_topology
from ._job import Job
from ._resuming import checked, state_file
from ._whole import STRICT, Count, Seed


@with_config(STRICT)
@dataclass(frozen=True, slots=True)
class Request:
    """What is drawn and measured; kept in the folder for `--resume`."""

    topology: str
    size: Count
    seed: Seed
    design: str | None = None
    level: str | None = None
    rank: Count | None = None
    programs: Count | None = None
    kinds: Sequence[str] | None = None
    temperature: float | None = None
    instance_seed: Seed | None = None
    instances: Count | None = None

    @property
    def chip_design(self) -> Design:
        return get_chip_design(self.topology, self.design, self.temperature, level=self.level)

    @property
    def chip_topology(self) -> Topology:
        return get_topology(self.topology, self.size, self.rank)

    @property
    def chip_level(self) -> Level:
        return get_chip_level(self.level, self.chip_design)

    @property
    def chip_seed(self) -> int:
        return self.seed if self.instance_seed is None else self.instance_seed

    def instance(self, k: int = 0) -> Instance:
        """The chip of this seed, or the k-th after it."""
        return get_instance(self.chip_design, self.chip_topology, self.chip_seed + k)


def check_together(
    measurements: Sequence[Path] | None,
    instances: int | None,
    held_out: int,
    keep_below: float | None,
    resume: Path | None,
    out: Path | None,
) -> None:
    """Raise `InputError` for options that contradict each other."""
    if resume is not None and (measurements or instances is not None or out is not None):
        raise InputError("--resume: goes on with the chips of its own folder; give no measurements, --instances, --out")
    if measurements and instances is not None:
        raise InputError("--instances: draws and measures chips here; give either it or measurements")
    if held_out and (measurements or instances is not None):
        raise InputError("--held-out: measures the chip that is drawn here; give no measurements and no --instances")
    if keep_below is not None and (measurements or instances is not None):
        raise InputError("--keep-below: is for the chip that is drawn here; give no measurements and no --instances")


def from_drawn(this: Job, request: Request, held_out: int, keep_below: float | None = None) -> None:
    """One chip, measured in ngspice, programs that the fit did not see, and when to calibrate it again."""
    findings.check_limit(keep_below)
    instance, level = request.instance(), request.chip_level
    count = calibration.check_programs(request.programs, request.chip_topology)
    kinds = calibration.check_kinds(request.kinds, instance, level)
    what = f"ngspice: {count} programs ({', '.join(kinds)}), {request.topology} with {request.size} cells"
    with this.step(what):
        data = calibration.measure(instance, level, count, request.seed, kinds)
    found = _fit(this, data)
    findings.write(found.model, instance, data, this.folder)
    findings.write_identifiability(found, this.folder)
    rows: list[heldout.Row] = []
    more: dict[str, Any] = {}
    if keep_below is not None:
        more["recalibrate_at_s"] = findings.schedule(found.model, instance, keep_below, request.seed)
    if held_out:
        with this.step(f"ngspice: {held_out} held-out programs"):
            rows = heldout.rows(instance, found.model, held_out, request.seed)
            more |= {"held_out": rows, "correction": heldout.corrected(instance, found.model, held_out, request.seed)}
        write_json(this.folder / "heldout.json", rows)
    failed = sum(not row["passed"] for row in rows)
    this.finish({**findings.summary(found.model, instance, found), **more}, exit_code=int(failed > 0))
    _show(this, found, instance)
    if rows:
        this.show(heldout.table(rows))
    for line in findings.advice(more, keep_below):
        this.say(line)


def from_files(this: Job, paths: Sequence[Path]) -> None:
    """Measurements of one chip in files, or of several in folders."""
    if not any(path.is_dir() for path in paths):
        _one_chip(this, calibration.load(paths))
        return
    chips = population.folders_of(paths)
    if len(chips) == 1:
        _one_chip(this, calibration.load(chips[0]))
        return
    _process(this, [partial(calibration.load, files) for files in chips], [str(path) for path in paths])


def campaign(this: Job, request: Request) -> None:
    """Drawn chips, each measured in ngspice, to the model of their process."""
    count = population.check_instances(request.instances or 0)
    programs = calibration.check_programs(request.programs, request.chip_topology)
    kinds = calibration.check_kinds(request.kinds, request.instance(), request.chip_level)
    population.save_request(this.folder, asdict(request))
    folders = [this.folder / population.CHIPS / str(k) for k in range(count)]
    with this.step(f"ngspice: {count} chips with {programs} programs each") as step:
        for k, folder in enumerate(folders):
            step.advance(k, count)
            population.measure_chip(request.instance(k), request.chip_level, programs, kinds, request.seed + k, folder)
    chips = [partial(calibration.load_all, folder / "calibration") for folder in folders]
    _process(this, chips, [f"chip {k}" for k in range(count)])


def resume_campaign(this: Job) -> None:
    """Go on with the chips of a folder.

    Raises:
        InputError: the folder is not one of a campaign.
    """
    campaign(this, checked(Request, population.load_request(this.folder), state_file(this.folder)))


def _one_chip(this: Job, data: list[xr.Dataset]) -> None:
    found = _fit(this, data)
    findings.write(found.model, None, [], this.folder)
    findings.write_identifiability(found, this.folder)
    this.finish(findings.summary(found.model, None, found))
    _show(this, found, None)


def _process(this: Job, chips: Sequence[Any], names: Sequence[str]) -> None:
    with this.step(f"calibrate {len(chips)} chips") as step:
        calibrations = population.fit_chips(chips, names, step.advance)
        found = PopulationModel.estimate(calibrations)
    population.write(found, this.folder)
    this.finish(population.summary(found))
    this.show(population.table(found))


def _fit(this: Job, data: list[xr.Dataset]) -> Calibration:
    with this.step(f"calibrate on {len(data)} measurements"):
        return Calibration.of(data)


def _show(this: Job, found: Calibration, instance: Instance | None) -> None:
    this.show(findings.table(found.model, instance))
    for line in findings.told(found):
        this.say(line)
