"""The cases of the fidelity table, one after the other, each remembered when it is done."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NotRequired

from pydantic import with_config
from rich.markup import escape
from rich.table import Table
from typing_extensions import TypedDict

from ...files import judged
from ...netlists import SimulatorMissing, find_vacask
from .._errors import InputError
from .._folder import write_json
from .._job import Job
from .._resuming import checked, load_state, save_state, state_file
from .._whole import STRICT, Count, Seed
from ._cases import Case, Depth, cases, device_cases


@with_config(STRICT)
@dataclass(frozen=True, slots=True)
class Request:
    """What is verified; kept in the folder for `--resume`."""

    topologies: Sequence[str]
    levels: Sequence[str]
    sizes: Sequence[Count]
    seed: Seed
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


@with_config(STRICT)
class _Row(TypedDict):
    """One comparison in the folder of a run."""

    topology: str
    level: str
    size: Count
    analysis: str
    metric: str
    limit: float
    passed: bool
    value: NotRequired[float]
    interval: NotRequired[list[float]]
    reason: NotRequired[str]


Done = dict[str, list[dict[str, Any]]]


def resume(folder: Path) -> tuple[Request, Done]:
    """What an interrupted run was asked for, and the rows that it has.

    Raises:
        InputError: the folder is not one of this command.
    """
    found = load_state(folder, "verify")
    request = checked(Request, found.get("request"), state_file(folder))
    cases = checked(dict[str, list[dict[str, Any]]], found.get("cases"), state_file(folder))
    return request, {name: [_checked_row(row, folder) for row in rows] for name, rows in cases.items()}


def _checked_row(row: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A row as it was stored, with the verdict that its value and its limit give."""
    checked(_Row, row, state_file(folder))
    return judged(row)


def run(request: Request, done: Done, this: Job) -> list[dict[str, Any]]:
    """Rows of every case; those that are done are kept, but for one whose simulation failed: it is tried again."""
    wanted, rows = request.cases(), dict(done)
    with this.step(f"{len(wanted)} chips: SPICE, symbolic, behavioural") as step:
        for k, case in enumerate(wanted):
            step.advance(k, len(wanted))
            if not rows.get(case.name) or any("value" not in row for row in rows[case.name]):
                rows[case.name] = case.rows(request.opinions)
                save_state(this.folder, "verify", {"request": asdict(request), "cases": rows})
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
            shown.add_row("", f"[bold]{chip}[/]")
        value = f"{row['value']:.1e}" if "value" in row else "none"
        verdict = "[green]passed[/]" if row["passed"] else "[red]FAILED[/]"
        shown.add_row(row["analysis"], row["metric"], value, f"{row['limit']:.1e}", verdict)
        if "value" not in row and "reason" in row:
            shown.add_row("", escape(row["reason"]))
    return shown
