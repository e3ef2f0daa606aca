"""The cases of the fidelity table, one after the other, each remembered when it is done."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ...netlists import SimulatorMissing, find_vacask
from .._errors import InputError
from .._folder import read_json, write_json
from .._job import Job
from ._cases import Case, Depth, cases, device_cases

_STATE = "state.json"


@dataclass(frozen=True, slots=True)
class Request:
    """What is verified; kept in the folder for `--resume`."""

    topologies: Sequence[str]
    levels: Sequence[str]
    sizes: Sequence[int]
    seed: int
    design: str | None = None
    device: str | None = None
    instance: str | None = None
    opinions: bool = False
    """With rows of ngspice against VACASK."""
    depth: Depth = "usual"

    def cases(self) -> list[Case]:
        """As `cases` or `device_cases`."""
        if self.device is None:
            return cases(self.topologies, self.levels, self.sizes, self.design, self.seed, self.depth)
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


def depth(quick: bool, full: bool) -> Depth:
    """How much of the table is wanted.

    Raises:
        InputError: both at once.
    """
    if quick and full:
        raise InputError("--quick and --full: give one of them")
    return "quick" if quick else "full" if full else "usual"


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
    try:
        return Request(**found["request"]), found["cases"]
    except (KeyError, TypeError):
        raise InputError(f"{path}: written by another version; start again without --resume") from None


def run(request: Request, done: Done, this: Job) -> list[dict[str, Any]]:
    """Rows of every case; those that are done are kept, but for one whose simulation failed: it is tried again."""
    wanted, rows = request.cases(), dict(done)
    with this.step(f"{len(wanted)} chips: SPICE, symbolic, behavioural") as step:
        for k, case in enumerate(wanted):
            step.advance(k, len(wanted))
            if case.name not in rows or any("value" not in row for row in rows[case.name]):
                rows[case.name] = case.rows(request.opinions)
                state = {"command": "verify", "request": asdict(request), "cases": rows}
                write_json(this.folder / _STATE, state)
    found = [row for case in wanted for row in rows[case.name]]
    write_json(this.folder / "fidelity.json", found)
    return found


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """The fidelity table for a person: each chip has a line, and its comparisons stand below."""
    shown = Table("analysis", "metric", "value", "limit", "", box=None)
    for column in shown.columns:
        column.no_wrap = column.header != "metric"
    chip = ""
    for row in rows:
        cells = "1 cell" if row["size"] == 1 else f"{row['size']} cells"
        if (here := f"{row['topology']}, {row['level']}, {cells}") != chip:
            chip = here
            shown.add_row("", Text(chip, style="bold"))
        value = f"{row['value']:.1e}" if "value" in row else "none"
        verdict = Text("passed", style="green") if row["passed"] else Text("FAILED", style="red")
        shown.add_row(row["analysis"], row["metric"], value, f"{row['limit']:.1e}", verdict)
        if "value" not in row and "reason" in row:
            shown.add_row("", Text(row["reason"]))
    return shown
