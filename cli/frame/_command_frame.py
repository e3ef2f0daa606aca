"""What every command does around its work: output folder, progress, summary, error boundary, exit code."""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ...files import explain, plain, write_json
from .._exceptions import InputError
from ._given import current_context, typed_arguments
from ._output_folder import STATE, Folder, new_folder
from ._progress_lines import ProgressLines
from ._resuming import check_folder
from ._streams import lost_answer, write_whole


@dataclass
class AnnouncedStep:
    """One announced piece of work; `advance` moves its bar."""

    progress: Progress | None
    task: Any = None
    lines: ProgressLines | None = None

    def advance(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress.update(self.task, completed=done, total=total)
        elif self.lines is not None:
            self.lines.advance(done, total)


@dataclass
class Job:
    """One run of one command."""

    command: str
    folder: Path
    quiet: bool
    as_json: bool
    started: float = field(default_factory=time.perf_counter)
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int = 0
    wants_folder: bool = False
    _waiting: list[Any] = field(default_factory=list)
    stdout: Console = field(default_factory=lambda: Console(soft_wrap=False, markup=False))
    stderr: Console = field(default_factory=lambda: Console(stderr=True, highlight=False, markup=False))

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.started

    def say(self, text: str) -> None:
        """Tell a person how it goes (standard error, so that --json stays clean)."""
        if not self.quiet:
            self.stderr.print(text)

    def show(self, renderable: Any) -> None:
        """The command's answer for a person (standard output), as soon as it is on disk and its exit code is known."""
        if not (self.quiet or self.as_json):
            self._waiting.append(renderable)
        if self.summary:
            self._show_waiting()

    def _show_waiting(self) -> None:
        while self._waiting:
            self.stdout.print(self._waiting.pop(0))

    @contextmanager
    def step(self, what: str, bar: bool = True) -> Iterator[AnnouncedStep]:
        """Announce a piece of work, show its progress on a terminal (unless it has its own bar) and its time."""
        start = time.perf_counter()
        if bar and self.stderr.is_terminal and not self.quiet:
            text = TextColumn("{task.description}", markup=False)
            columns = (SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            with Progress(*columns, TimeElapsedColumn(), console=self.stderr, transient=True) as progress:
                yield AnnouncedStep(progress, progress.add_task(what, total=None))
        else:
            yield AnnouncedStep(None, lines=ProgressLines(what, self.say))
        self.say(f"  {what} ({time.perf_counter() - start:.1f} s)")

    def print_text(self, text: str) -> None:
        """Plain text as the command's answer (standard output): it can be redirected into a file."""
        if not (self.quiet or self.as_json):
            write_whole(text)

    def answer(self, summary: Mapping[str, Any], exit_code: int = 0) -> None:
        """What --json prints; a folder is written only when --out asks for one."""
        self._conclude(summary, exit_code, written=self.wants_folder)

    def finish(self, summary: Mapping[str, Any], exit_code: int = 0) -> None:
        """Leave summary.json; the same object is printed by --json."""
        self._conclude(summary, exit_code, written=True)

    def _conclude(self, summary: Mapping[str, Any], exit_code: int, *, written: bool) -> None:
        concluded = plain({"command": self.command, **self._how(written), **summary, "elapsed_s": self.elapsed})
        if written:
            write_json(self.folder / "summary.json", concluded)
        self.summary, self.exit_code = concluded, exit_code
        self._show_waiting()

    def _how(self, written: bool) -> dict[str, Any]:
        """What was typed; a study is kept in its folder instead, and is the same however it came to its end."""
        typed = typed_arguments()
        return {"arguments": list(typed)} if typed and written and self.command != "sweep" else {}


@contextmanager
def job(command: str, out: Path | None, quiet: bool, as_json: bool, resume: Path | None = None) -> Iterator[Job]:
    """The frame of a command: opens the folder, catches every error, prints the summary, leaves with the code."""
    made: Folder | None = None
    this: Job | None = None
    try:
        _check_place()
        if resume is not None:
            check_folder(resume)
        this = Job(command, resume or new_folder(command, out), quiet, as_json, wants_folder=out is not None)
        made = Folder(this.folder) if resume is None else None
        yield this
        code = this.exit_code
        _print_outcome(this)
        if code == 0 and (lost := lost_answer()):
            raise OSError(lost.errno, os.strerror(lost.errno or 0), "standard output")
    except KeyboardInterrupt:
        way_on = _way_on(command, this.folder) if this else ""
        print(f"thermospice {command}: interrupted{way_on}", file=sys.stderr)
        code = 130
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if made is not None:
            made.forget_what_was_only_asked()
        way_on = "" if made is None or made.was_there else _way_on_after_error(command, made.path)
        print(f"thermospice {command}: error: {_naming_option(explain(error))}{way_on}", file=sys.stderr)
        code = 2
    raise typer.Exit(code)


_ADVICE = {"another folder": ("--out", "another folder with --out"), "a smaller size": ("--size", "a smaller --size")}
"""What rooms below advise, and how it is said where the command has the option for it."""


def _naming_option(text: str) -> str:
    """The message with the options that another room speaks of: `size: ...` becomes `--size: ...`."""
    context = current_context()
    if context is None:
        return text
    options = {option for parameter in context.command.params for option in parameter.opts}
    for advice, (option, said) in _ADVICE.items():
        text = text.replace(f"choose {advice}", f"choose {said}") if option in options else text
    field, colon, _ = text.partition(":")
    words = field.split()
    if not colon or not 1 <= len(words) <= 2:
        return text
    option = f"--{words[0].replace('_', '-')}"
    return text.replace(words[0], option, 1) if option in options else text


def _check_place() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        raise InputError("the folder that this was started in is gone; change to one that exists") from None


def _print_outcome(this: Job) -> None:
    if this.as_json:
        print(json.dumps(this.summary, allow_nan=False), flush=True)
    elif this.summary and this.folder.exists():
        this.say(f"results in {this.folder} ({this.elapsed:.1f} s)")


def _way_on_after_error(command: str, folder: Path) -> str:
    if not (folder / STATE).exists():
        return ""
    return f"; what is done stays, go on with: thermospice {command} --resume {folder}, or begin in another folder"


def _way_on(command: str, folder: Path) -> str:
    if (folder / STATE).exists():
        return f"; what is done stays, go on with: thermospice {command} --resume {folder}"
    return f"; what is done stays in {folder}" if folder.exists() else ""
