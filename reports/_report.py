"""The report: one HTML file that needs nothing else."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import jinja2

from ._exceptions import ReportError
from .results import Folder
from .sections import Section, sections, verdicts


@dataclass(frozen=True, slots=True)
class Chapter:
    """One result folder."""

    name: str
    summary: tuple[str, ...]
    failed: bool
    sections: tuple[Section, ...]
    missing: tuple[str, ...]


def build_report(dirs: Sequence[Path], out: Path) -> Path:
    """Write one self-contained HTML file about the given result folders; every number comes from their files.

    Args:
        dirs: folders that `thermospice run` and the other commands leave.
        out: the file to write.

    Raises:
        ReportError: no folder given, a folder does not exist or holds nothing to report, or a file in it is damaged.
    """
    if not dirs:
        raise ReportError("report: expected at least one result folder, got none")
    text = _environment().get_template("report.html.j2").render(chapters=[_chapter(Path(d)) for d in dirs])
    from ..files import write_atomically  # to look at results takes no circuit side

    write_atomically(out, text)
    return out


def _environment() -> jinja2.Environment:
    loader = jinja2.FunctionLoader(lambda name: (files(__package__) / "templates" / name).read_text("utf-8"))
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["anchor"] = lambda text: html.escape(text.lower().split(":")[0].replace(" ", "-"))
    return environment


def _chapter(path: Path) -> Chapter:
    if not path.is_dir():
        raise ReportError(f"{path}: expected a result folder, and there is none")
    folder = Folder(path)
    parts, missing = sections(folder)
    if not parts:
        raise ReportError(f"{path}: nothing to report here; expected the files that a thermospice command leaves")
    return Chapter(path.resolve().name, tuple(_summary(folder)), _failed(folder), tuple(parts), tuple(missing))


def _failed(folder: Folder) -> bool:
    return any(not row.get("passed") for row in folder.fidelity)


def _summary(folder: Folder) -> list[str]:
    found = [f"{name} is a link to somewhere else, and is left out." for name in folder.foreign]
    if folder.summary.get("quick"):
        found.append("A quick run: fewer seeds and steps than the full one. Take differences with care.")
    if folder.fidelity:
        failed = [row for row in folder.fidelity if not row.get("passed")]
        found.append(f"Fidelity: {len(folder.fidelity) - len(failed)} of {len(folder.fidelity)} checks passed.")
        found += [
            f"Failed: {row.get('metric')} ({row.get('topology')}, {row.get('level')}, {row.get('size')} cells)."
            for row in failed
        ]
    return found + verdicts(folder)
