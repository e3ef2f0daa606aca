"""`thermospice verify` around the fidelity table: the request, what a folder remembers, the table for a person."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NotRequired

import xarray as xr
from pydantic import with_config
from rich.table import Table
from rich.text import Text
from typing_extensions import TypedDict

from ... import fidelity
from ...behavioral import DeviceModel
from ...behavioral.comparison import judge_records
from ...behavioral.populations import get_device_model
from ...circuits.trials import BOARD, get_design, get_level
from ...files import judged, write_json
from ...measurements import read_measurement
from ...netlists.simulators import versions
from ...reports.wording import counted
from .._exceptions import InputError
from ..forecasts import announce, fidelity_forecast
from ..frame import STRICT, Job, StoredCount, StoredSeed, checked, load_state, save_state, state_file
from ..inputs import AmplifierOptions, amplifiers, lab


@with_config(STRICT)
@dataclass(frozen=True, slots=True)
class VerificationRequest:
    """What is verified; kept in the folder for `--resume`."""

    topologies: Sequence[str]
    levels: Sequence[str]
    sizes: Sequence[StoredCount]
    seed: StoredSeed
    design: str | None = None
    device: str | None = None
    instance: str | None = None
    opinions: bool = False
    """With rows of ngspice against VACASK."""
    depth: fidelity.Depth = "usual"

    def cases(self) -> list[fidelity.Case]:
        """As `cases` or `device_cases`."""
        if self.device is None:
            return fidelity.cases(self.topologies, self.levels, self.sizes, self.design, self.seed, self.depth)
        return fidelity.device_cases(Path(self.device), Path(self.instance) if self.instance else None, self.seed)


def with_own_amplifier(this: Job, request: VerificationRequest, own: AmplifierOptions) -> VerificationRequest:
    """The request with a design in the command's folder where the amplifier is one of a file; else as it is."""
    if request.device is not None or (own.file is None and request.design is None):
        return request
    board = get_design(request.design or BOARD)
    levels = request.levels or (("transistor",) if own.file is not None else ())
    for level in levels if own.file is not None else ():
        board = own.put(board, get_level(level))
    path = amplifiers.kept(board, this.folder)
    for line in amplifiers.told(board):
        this.say(line)
    return request if path is None else replace(request, design=path, levels=levels)


def depth(quick: bool, full: bool) -> fidelity.Depth:
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
    size: StoredCount
    analysis: str
    metric: str
    limit: float
    passed: bool
    value: NotRequired[float]
    interval: NotRequired[list[float]]
    reason: NotRequired[str]


def resume(folder: Path) -> tuple[VerificationRequest, fidelity.Done]:
    """What an interrupted run was asked for, and the rows that it has.

    Raises:
        InputError: the folder is not one of this command.
    """
    found = load_state(folder, "verify")
    request = checked(VerificationRequest, found.get("request"), state_file(folder))
    request = replace(request, design=amplifiers.kept_at(request.design, folder))
    cases = checked(dict[str, list[dict[str, Any]]], found.get("cases"), state_file(folder))
    return request, {name: [_checked_row(row, folder) for row in rows] for name, rows in cases.items()}


def _checked_row(row: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A row as it was stored, with the verdict that its value and its limit give."""
    checked(_Row, row, state_file(folder))
    return judged(row)


def run(request: VerificationRequest, done: fidelity.Done, this: Job) -> list[fidelity.Row]:
    """Rows of every case; those that are done are kept in the folder."""

    def keep(rows: fidelity.Done) -> None:
        save_state(this.folder, "verify", {"request": asdict(request), "cases": rows})

    wanted = request.cases()
    announce(this, fidelity_forecast([case for case in wanted if not done.get(case.name)]))
    what = counted(len(wanted), "chip" if request.device is None else "program")
    with this.step(f"{what}: SPICE, symbolic, behavioural") as step:
        rows = fidelity.verify(wanted, request.opinions, done, keep, step.advance)
    write_json(this.folder / "fidelity.json", rows)
    return rows


def against_lab(this: Job, device: Path, files: Sequence[Path]) -> None:
    """Records of a bench against a calibrated model.

    Raises:
        MeasurementError, DeviceModelError, InputError: what is missing or wrong, in one line.
    """
    model = get_device_model(device)
    facts = {
        "topology": model.instance.topology.name,
        "level": model.level,
        "size": model.n,
    }
    data = lab.load(files, facts, known=(model.design.nominal(model.instance.topology), model.level))
    lab.check_design(model, data)
    with this.step(f"{counted(len(data.measurements), 'record')} against {device}"), lab.files_named(data.files):
        checks = judge_records(model, data.measurements)
    this.say(f"believed: {data.believed}, as {device}")
    rows = []
    for file, one, check in zip(data.files, data.measurements, checks, strict=True):
        row: dict[str, Any] = {
            "topology": model.instance.topology.name,
            "level": model.level,
            "size": model.n,
            "file": file,
        }
        metric = f"{file}: residual by noise and error bars, mean square"
        told: dict[str, Any] = {} if check.passed else {"reason": str(check)}
        number: dict[str, Any] = {
            "value": check.statistic,
            "limit": check.limit,
            "passed": check.passed,
            "seen": digest_in(model, one),
        }
        rows.append({**row, "analysis": str(one.attrs["analysis"]), "metric": metric, **number, **told})
    write_json(this.folder / "fidelity.json", rows)
    failed = sum(not row["passed"] for row in rows)
    seen = [row["file"] for row in rows if row.pop("seen")]
    told_seen = {"fitted": seen} if seen else {}
    summary = {"passed": len(rows) - failed, "failed": failed, "rows": rows, "believed": data.believed, **told_seen}
    this.show(table(rows))
    if seen:
        this.say(f"warning: {', '.join(seen)} took part in the calibration, and proves nothing here")
    this.finish({**summary, "notes": data.notes, "versions": versions()}, exit_code=1 if failed else 0)


def digest_in(model: DeviceModel, measurement: xr.Dataset) -> bool:
    """Whether the model was fitted to a measurement."""
    return read_measurement(measurement).digest in model.provenance.measurements


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
        if not row["passed"] and "reason" in row:
            shown.add_row("", Text(row["reason"]))
    return shown
