"""`thermospice sweep` around a campaign: its study and folder, its bar, and what is said beforehand."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ... import campaigns
from ...circuits import Design
from ...files import read_text, write_text
from ...files.opening import DESCRIPTION
from ...netlists.amplifiers import changed_since
from ...reports.wording import counted
from .._exceptions import InputError
from ..frame import Job, ProgressLines, garbage_as_usual, interpreting, load_state, state_file
from ..inputs import amplifiers
from ..views import campaign as view


def perform_campaign(
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
    if study.kind == "training":
        garbage_as_usual()
    for line in _amplifier_told(study, this.folder, path, execution.resume):
        this.say(line)
    with _progress(this, study) as progress:
        result = campaigns.run_campaign(study, this.folder, execution, progress, where, this.say)
    if "stopped" in result.summary:
        this.say(f"{result.summary['stopped']}; go on with --resume {this.folder} --retry-failed")
    if junit is not None:
        write_text(junit, read_text(this.folder / "junit.xml", DESCRIPTION))
    this.finish(result.summary, exit_code=0 if result.passed else 1)
    this.show(view.shown(study, result.summary))
    for line in view.told(result.summary):
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
            for line in view.without_effect(study):
                this.say(f"warning: {line}")
            most = "at most " if study.optimise is not None else ""
            this.say(f"{study.name}: {most}{counted(total, 'run')} to do")
            # only now: a thread draws it, and with that the processes of the runs could not be forked
            bar.start()
        if not this.stderr.is_terminal:
            lines.advance(done, total)
        bar.update(task, completed=done, total=total, description=f"runs ({failed} failed)" if failed else "runs")

    try:
        yield progressed
    finally:
        bar.stop()
