"""`thermospice sweep` around a campaign: its study and folder, its bar, and what a person is told."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ... import campaigns
from ...circuits import Corners, Design
from ...circuits.trials import follows_temperature
from ...files import read_text, write_text
from ...files.opening import DESCRIPTION
from ...netlists.amplifiers import changed_since
from .._exceptions import InputError
from ..frame import Job, ProgressLines, interpreting, load_state, state_file
from ..inputs import amplifiers

_FEW = 5
"""Runs whose interval is wider than the eye takes from their scatter: Student's t of four is 1.6 times the normal's."""


def campaign(
    this: Job,
    path: Path | None,
    seed: int | None,
    execution: campaigns.Execution,
    given: tuple[campaigns.Study, str] | None = None,
    junit: Path | None = None,
    data: Path | None = None,
) -> None:
    """Perform a study in the command's folder: that of a file, or one that is given with its name.

    The verdicts of a campaign of a netlist are copied to `junit`; a training reads the folder `data`.

    Raises:
        InputError: a study that cannot be done, a folder that is not one of a sweep.
        SimulatorMissing: there is no ngspice.
    """
    if execution.retry_failed and not execution.resume:
        raise InputError("--retry-failed: a new campaign has no failed runs; give the folder of one with --resume")
    study, where = given or _study(this.folder, path, seed, execution.resume, data)
    if junit is not None and study.netlist is None:
        raise InputError("--junit: only a study of a netlist has limits by condition; remove it")
    for line in _amplifier_told(study, this.folder, path, execution.resume):
        this.say(line)
    with _progress(this, study) as progress:
        result = campaigns.run_campaign(study, this.folder, execution, progress, where, this.say)
    if "stopped" in result.summary:
        this.say(f"{result.summary['stopped']}; go on with --resume {this.folder} --retry-failed")
    if junit is not None:
        write_text(junit, read_text(this.folder / "junit.xml", DESCRIPTION))
    this.finish(result.summary, exit_code=0 if result.passed else 1)
    this.show(shown(study, result.summary))
    for line in told(result.summary):
        this.say(line)


def _study(
    folder: Path, path: Path | None, seed: int | None, resume: bool, data: Path | None
) -> tuple[campaigns.Study, str]:
    found = load_state(folder, "sweep") if resume else {}
    if path is None:
        if not resume:
            raise InputError("STUDY: expected the path of a study (a .yaml file), or --resume")
        if seed is not None:
            raise InputError("--seed: a campaign goes on with the seed of its study; remove it")
        if data is not None:
            raise InputError("--data: a campaign goes on with the data of its study; remove it")
        where = state_file(folder)
        with interpreting(where):
            return campaigns.parse_study(found["study"], str(where)), str(where)
    study = campaigns.load_study(path, data)
    if seed is not None:
        # A study is frozen; another seed is another study.
        study = campaigns.parse_study({**campaigns.to_plain(study), "seed": seed}, str(path))
    return study, str(path)


def _designs(study: campaigns.Study) -> Iterator[Design]:
    if study.circuit is not None:
        yield study.circuit.design


def _amplifier_told(study: campaigns.Study, folder: Path, path: Path | None, resume: bool) -> Iterator[str]:
    """Where the amplifier comes from, and whether its file has changed since the campaign began."""
    before = _sha256(load_state(folder, "sweep").get("study")) if resume else None
    for design in _designs(study):
        yield from amplifiers.told(design)
        own = None if design.amplifier is None else design.amplifier.circuit
        if path is not None and before is not None and (own is None or own.sha256 != before):
            now = "no file" if own is None else f"sha256 {own.sha256[:12]}"
            began = f"the campaign began with the amplifier of sha256 {before[:12]}"
            yield f"warning: {began}, and this is {now}: every run with it is a new one"
        elif path is None and (told := changed_since(design, Path())) is not None:
            yield f"warning: {told}"


def _sha256(study: Any) -> str | None:
    """Of the amplifier's file that a stored study has, if any."""
    for key in ("circuit", "design", "amplifier", "circuit", "sha256"):
        study = study.get(key) if isinstance(study, Mapping) else None
    return study if isinstance(study, str) else None


def _without_effect(study: campaigns.Study) -> Iterator[str]:
    """Parameters that change nothing in this design."""
    circuit = study.circuit
    if circuit is None:
        return
    names = {name.removeprefix("circuit.") for name in study.parameters}
    parts = {name.rpartition(".")[0] for name in names}
    follows = "design.tempco" in parts or follows_temperature(circuit.design) or circuit.level == "transistor"
    if "design.temperature" in names and not follows:
        rest = "thermal noise alone" if "noise" in circuit.analyses else "nothing that is measured"
        yield (
            f"design {circuit.design.name} has no temperature coefficients (`tempco:`), so that design.temperature"
            f" changes {rest}"
        )
    if "corner" in names and "design.corners" not in parts and circuit.design.corners == Corners():
        yield f"design {circuit.design.name} has no `corners:`, so that corner changes nothing"


@contextmanager
def _progress(this: Job, study: campaigns.Study) -> Iterator[campaigns.Progress]:
    """Says how many runs there are to do, and shows a bar on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(
        *columns,
        TextColumn("left"),
        TimeRemainingColumn(),
        console=this.stderr,
        transient=True,
        disable=this.quiet or not this.stderr.is_terminal,
    )
    task = bar.add_task("runs", total=None)
    lines = ProgressLines("runs", this.say)

    def progressed(done: int, failed: int, total: int) -> None:
        if done == 0:
            for line in _without_effect(study):
                this.say(f"warning: {line}")
            most = "at most " if study.optimise is not None else ""
            this.say(f"{study.name}: {most}{total} runs to do")
        if not this.stderr.is_terminal:
            lines.advance(done, total)
        bar.update(task, completed=done, total=total, description=f"runs ({failed} failed)" if failed else "runs")

    with bar:
        yield progressed


def shown(study: campaigns.Study, summary: Mapping[str, Any]) -> Group:
    """What fits into 80 columns: statistics of the metrics, and yields of the limits."""
    metrics = Table("metric", "mean", "± (95 %)", "median", "lowest", "highest", box=None)
    for column in metrics.columns[1:]:
        column.no_wrap = True
    for name, found in summary["metrics"].items():
        unit = study.metrics[name].unit
        half = f"{(found['mean_high'] - found['mean_low']) / 2:.2g}" if "mean_low" in found else "–"
        numbers = [f"{found[key]:.4g}" for key in ("mean", "median", "min", "max")]
        metrics.add_row(name if unit == "1" else f"{name} ({unit})", numbers[0], half, *numbers[1:])
    limits = Table("limit", "yield", "95 % interval", "runs", box=None)
    # A ranking or a search has none of its own: their runs are no sample.
    for limit, found in zip(study.limits, summary.get("limits", ()), strict="limits" in summary):
        interval = f"{found['yield_low']:.1%} .. {found['yield_high']:.1%}"
        limits.add_row(limit.label, f"{found.get('yield', 0.0):.1%}", interval, f"{found['passed']} of {found['of']}")
    own = [*_characteristics(summary), *_ranking(summary), *_cheapest(summary)]
    return Group(*(own or [table for table in (metrics, limits) if table.rows]))


def _ranking(summary: Mapping[str, Any]) -> Iterator[Table]:
    """What moves the metric; the parameter that matters most first."""
    found = summary.get("sensitivity")
    if found is None:
        return
    unit = "" if found["unit"] == "1" else f" ({found['unit']})"
    table = Table("parameter", f"moves {found['metric']}{unit} by", "total index", "first", box=None)
    for row in found["ranking"]:
        moves = f"{row['moves']:.2g}" if "moves" in row else "–"
        own = f" ({row['moves_low']:.2g} .. {row['moves_high']:.2g})" if "moves_low" in row else ""
        total = f"{row['total']:.1%}" if "total" in row else "–"
        share = f" ({row['total_low']:.0%} .. {row['total_high']:.0%})" if "total_low" in row else ""
        first = f"{row['first'] + 0.0:.0%}" if "first" in row else "–"
        name = row["parameter"].removeprefix("training.").removeprefix("design.")
        table.add_row(name, f"{moves}{own}", f"{total}{share}", first)
    yield table


def _cheapest(summary: Mapping[str, Any]) -> Iterator[Table]:
    """The design that was chosen, and what new chips say of it."""
    found = summary.get("optimised")
    if found is None or "cost" not in found:
        return
    unit = f" ({found['unit']})" if found["unit"] else ""
    units = summary["parameter_units"]
    design = Table("parameter", "value", f"cost{unit}", box=None)
    for name, value in found["parameters"].items():
        cost = found["cost_by_parameter"].get(name)
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        own = "" if units[name] == "1" else f" ({units[name]})"
        design.add_row(f"{name}{own}", shown, "–" if cost is None else f"{cost:.4g}")
    design.add_row("together", "", f"{found['cost']:.4g}")
    yield design
    limits = Table("limit on new chips", "kept", "exact 95 % interval", "required", "", box=None)
    for row in found.get("verification", {}).get("limits", ()):
        ends = [f"{word} {row[key]:.4g}" for key, word in (("at_least", ">="), ("at_most", "<=")) if key in row]
        interval = f"{row['yield_low']:.1%} .. {row['yield_high']:.1%}"
        verdict = Text("met", style="green") if row["met"] else Text("NOT met", style="red")
        kept = f"{row['passed']} of {row['of']}"
        limits.add_row(f"{row['metric']} {' '.join(ends)}", kept, interval, f"{row['required_yield']:.0%}", verdict)
    if limits.rows:
        yield limits


def _characteristics(summary: Mapping[str, Any]) -> list[Table]:
    """What a circuit of one's own keeps, a table for each condition; the file has the metrics without limits, too."""
    rows = summary.get("characteristics", ())
    judged = [row for row in rows if "verdict" in row] or rows
    found: dict[str, Table] = {}
    for row in judged:
        condition = row["condition"]
        if condition not in found:
            columns = ("metric", "min", "typ", "max", "limits", "yield", "worst", "")
            found[condition] = Table(*columns, title=condition, title_justify="left", box=None)
            for column in found[condition].columns:
                column.no_wrap = True
        found[condition].add_row(*_row(row))
    return list(found.values())


def _row(row: Mapping[str, Any]) -> Iterator[str | Text]:
    yield row["metric"] + (f" ({row['unit']})" if row.get("unit") else "")
    for name in ("min", "typ", "max"):
        yield f"{row[name]:.4g}" if name in row else ""
    if "verdict" not in row:
        return
    yield "..".join(f"{row[name]:.3g}" if name in row else "" for name in ("limit_min", "limit_max"))
    yield f"{row['yield']:.1%}"
    yield str(row.get("worst_chip", ""))
    yield Text("pass", style="green") if row["verdict"] == "pass" else Text("FAIL", style="red")


def told(summary: Mapping[str, Any]) -> list[str]:
    """Sentences on what failed, and on intervals from few runs."""
    lines = []
    if summary["failed"]:
        first = summary["failures"][0]
        lines.append(
            f"{summary['failed']} of {summary['runs']} runs failed (table.csv has all reasons); run {first['run']}:"
            f" {first['reason']}"
        )
    for short in summary.get("shortfalls", ()):
        lines.append(f"failed: {short['condition']}: {short['reason']}{_behind(short['elements'])}")
    lines += [*_ranking_told(summary.get("sensitivity", {})), *_cheapest_told(summary.get("optimised", {}))]
    counted = summary.get("independent", 0)
    if summary.get("limits") and 0 < counted < summary["done"]:
        lines.append(
            f"the runs share chips or settings: intervals of yields count {counted}, not {summary['runs']} runs"
        )
    fewest = min((found["count"] for found in summary["metrics"].values()), default=0)
    if 1 < fewest < _FEW and not {"sensitivity", "optimised"} & summary.keys():
        lines.append(f"± is Student's t interval of as few as {fewest} runs, and may exceed the mean")
    return lines


def _ranking_told(found: Mapping[str, Any]) -> Iterator[str]:
    if "reason" in found:
        yield f"no Sobol indices: {found['reason']}"
    elif found.get("rows_left_out"):
        yield (
            f"{found['rows_left_out']} of {found['rows']} rows of the Sobol design hold a run without a number, and"
            " were left out: the indices are of the others"
        )
    for row in found.get("ranking", ()):
        if "reason" in row:
            yield f"{row['parameter']}: {row['reason']}; what it moves alone is left out"
        elif row.get("chips_left_out"):
            yield f"{row['parameter']}: {row['chips_left_out']} chips without a number were left out"


def _cheapest_told(found: Mapping[str, Any]) -> Iterator[str]:
    """How sure the verdict is, and why there is none."""
    if "reason" in found:
        near = found.get("nearest")
        told = f"; nearest comes design {near['design']} of designs.csv, which costs {near['cost']:.4g}" if near else ""
        yield f"failed: {found['reason']}{told}"
    new = found.get("verification")
    if new is None:
        return
    seeds = f"seeds {new['seeds']['first']} to {new['seeds']['last']}"
    short = [row["metric"] for row in new["limits"] if not row["met"]]
    if short:
        yield (
            f"failed: on {new['chips']} chips that the search has not drawn ({seeds}) the design does not keep"
            f" {' and '.join(short)}: the search took luck for a good design; give it more chips (instances), or more"
            " confidence"
        )
    elif not new["surely"]:
        yield (
            f"met on {new['chips']} new chips ({seeds}), and the interval reaches below what is required: that needs"
            f" at least {new['chips_to_be_sure']} chips (optimise.verify) of which none falls short, or more"
        )


def _behind(elements: Sequence[Mapping[str, Any]]) -> str:
    told = ", ".join(f"{one['element']} {one['deviation']:+.2%} ({one['change']:+.3g})" for one in elements)
    return f", mostly by {told}" if told else ""
