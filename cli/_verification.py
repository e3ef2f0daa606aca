"""The cases of the fidelity table, one after the other, each remembered when it is done."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ..behavioral import DeviceModel
from ..circuits import LEVELS, TOPOLOGIES, Design, Instance, Level, choose_scaling, random_program
from ..netlists import SimulatorMissing, find_vacask
from . import _fidelity as fidelity
from ._errors import InputError
from ._folder import read_json, write_json
from ._inputs import get_design, get_instance, get_level, get_topology
from ._job import Job

SIZES = (1, 3, 8)
_STATE = "state.json"
_PROGRAM = 1


@dataclass(frozen=True, eq=False)
class Case:
    """One chip at one level with its random program; `model` is what SPICE is compared with."""

    instance: Instance
    level: Level
    seed: int
    model: DeviceModel | None = None

    @property
    def name(self) -> str:
        return f"{self.instance.topology.name}-{self.level}-{self.instance.topology.n}-{self.seed}"

    def subject(self) -> fidelity.Subject:
        """The chip with its program and model."""
        rng = np.random.default_rng([self.seed, _PROGRAM])
        program = random_program(self.instance.topology, rng)
        scaling = choose_scaling(self.instance, program, self.level)
        model = self.model or DeviceModel.nominal(self.instance, self.level)
        return fidelity.Subject(self.instance, program, self.level, scaling, model, self.seed)


def cases(topologies: Sequence[str], levels: Sequence[str], sizes: Sequence[int], design: str, seed: int) -> list[Case]:
    """Every combination; an empty list stands for all.

    Raises:
        InputError, DesignError: an unknown name, or a level that the design cannot have.
    """
    known = get_design(design)
    # The grid has inductors, which a design for the others lacks; it is then verified on the board made for it.
    grid = known if known.L is not None else Design.preset("rlc-board-8")
    # Level transistor has to be asked for: only a design for its supplies has it.
    usual = [x for x in LEVELS if x == "ideal" or (x == "macro" and known.amplifier)]
    wanted = [get_level(name) for name in levels] or usual
    found = []
    for name in topologies or TOPOLOGIES:
        base = grid if name == "rlc-grid" else known
        # The grid has no amplifiers: its level macro would be level ideal once more.
        possible: Sequence[Level] = wanted if name != "rlc-grid" else ("ideal",)
        for level in possible:
            chips = (get_instance(_for_level(base, level), get_topology(name, n), seed) for n in sizes or SIZES)
            found += [Case(chip, level, seed) for chip in chips]
    return found


def _for_level(design: Design, level: Level) -> Design:
    # An ideal amplifier has no offset: what is drawn for it must not enter the comparison.
    return design if level != "ideal" else Design.from_dict({**design.to_dict(), "amplifier": None})


def device_cases(device: Path, instance: Path | None, seed: int) -> list[Case]:
    """A calibrated model against SPICE of its chip, with four programs.

    Raises:
        InputError: the chip's file is missing, or it is another chip.
    """
    model = DeviceModel.load(device)
    path = instance or device.with_name("instance.json")
    if not path.exists():
        raise InputError(f"{path}: expected the chip that {device} was calibrated on; name its file with --instance")
    chip = Instance.load(path)
    if model.provenance.instance_digest not in ("", chip.digest):
        raise InputError(f"{path}: expected the chip that {device} was calibrated on, and this is another one")
    return [Case(chip, model.level, seed + k, model) for k in range(4)]


@dataclass(frozen=True, slots=True)
class Request:
    """What is verified; kept in the folder for `--resume`."""

    topologies: Sequence[str]
    levels: Sequence[str]
    sizes: Sequence[int]
    design: str
    seed: int
    device: str | None = None
    instance: str | None = None
    opinions: bool = False
    """With rows of ngspice against VACASK."""

    def cases(self) -> list[Case]:
        """As `cases` or `device_cases`."""
        if self.device is None:
            return cases(self.topologies, self.levels, self.sizes, self.design, self.seed)
        return device_cases(Path(self.device), Path(self.instance) if self.instance else None, self.seed)


def opinions_wanted(asked: bool | None, calibrated: bool) -> bool:
    """Whether the table has rows of ngspice against VACASK: as asked, else if VACASK is installed.

    A calibrated model is compared with SPICE, not SPICE with itself: there only when asked for.

    Raises:
        SimulatorMissing: asked for, and VACASK is not installed.
    """
    if asked is False or (asked is None and calibrated):
        return False
    try:
        find_vacask()
    except SimulatorMissing:
        if asked:
            raise
        return False
    return True


Done = dict[str, list[dict[str, Any]]]


def resume(folder: Path) -> tuple[Request, Done]:
    """What an interrupted run was asked for, and the rows that it has.

    Raises:
        InputError: the folder is not one of this command.
    """
    path = folder / _STATE
    found = read_json(path) if path.exists() else {}
    if not isinstance(found, dict) or found.get("command") != "verify":
        raise InputError(f"{folder}: --resume expects a folder of `thermospice verify`, with its {_STATE}")
    return Request(**found["request"]), found["cases"]


def run(request: Request, done: Done, this: Job) -> list[dict[str, Any]]:
    """Rows of every case; those that are done are kept, but for one whose simulation failed: it is tried again."""
    wanted, rows = request.cases(), dict(done)
    with this.step(f"{len(wanted)} chips: SPICE, symbolic, behavioural") as step:
        for k, case in enumerate(wanted):
            step.advance(k, len(wanted))
            if case.name not in rows or any("value" not in row for row in rows[case.name]):
                subject = case.subject()
                rows[case.name] = fidelity.rows(subject, calibrated=case.model is not None)
                if request.opinions:
                    rows[case.name] += fidelity.second_opinions(subject)
                state = {"command": "verify", "request": asdict(request), "cases": rows}
                write_json(this.folder / _STATE, state)
    found = [row for case in wanted for row in rows[case.name]]
    write_json(this.folder / "fidelity.json", found)
    return found


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """The fidelity table for a person."""
    shown = Table("topology", "level", "size", "analysis", "metric", "value", "limit", "", box=None)
    for row in rows:
        value = f"{row['value']:.1e}" if "value" in row else row.get("reason", "none")
        verdict = "[green]passed[/]" if row["passed"] else "[red]FAILED[/]"
        case = (row["topology"], row["level"], str(row["size"]), row["analysis"], row["metric"])
        shown.add_row(*case, value, f"{row['limit']:.1e}", verdict)
    return shown
