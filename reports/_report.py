"""The report: one HTML file that needs nothing else, and its tables as CSV beside it."""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import jinja2
import markupsafe
from matplotlib.figure import Figure

from ._exceptions import ReportError
from .interactive import Moving, check_installed, moving, policy
from .results import Folder
from .section_parts import Section, Table, csv_text
from .sections import sections
from .verdicts import Box, Link, box, href, links


@dataclass(frozen=True, slots=True)
class Chapter:
    """One result folder."""

    name: str
    anchor: str
    box: Box
    links: tuple[Link, ...]
    sections: tuple[Section, ...]
    missing: tuple[str, ...]


def build_report(dirs: Sequence[Path], out: Path, interactive: bool = False) -> Path:
    """Write one self-contained HTML file about the given result folders; every number comes from their files.

    Every table also lies as CSV in the folder `tables` beside the page, in SI units.

    Args:
        dirs: folders that `thermospice run` and the other commands leave.
        out: the file to write.
        interactive: figures zoom, tell their values and hide lines; the page then holds plotly's script (5 MB), and
            nothing else runs in it.

    Raises:
        ReportError: no folder given, a folder does not exist or holds nothing to report, or a file in it is damaged;
            `interactive` without plotly.
    """
    if interactive:
        check_installed()
    if not dirs:
        raise ReportError("report: expected at least one result folder, got none")
    chapters = _chapters([Path(d) for d in dirs], Path(out))
    tables = _tables(chapters, Path(out))
    addresses = {key: href(path, Path(out)) for key, (path, _) in tables.items()}
    moved = moving(_draws(chapters)) if interactive else Moving((), frozenset())
    text = (
        _environment()
        .get_template("report.html.j2")
        .render(
            chapters=chapters,
            csv=addresses,
            policy=policy(_POLICY, moved.scripts),
            moving=moved.places,
            scripts=moved.scripts,
        )
    )
    from ..files import write_atomically, write_text  # to look at results takes no circuit side

    for path, content in tables.values():
        write_text(path, content)
    write_atomically(out, text)
    return out


def _draws(chapters: Sequence[Chapter]) -> dict[str, Callable[[], Figure]]:
    """Figures that can be drawn again, by the identifiers of their places."""
    return {
        f"{chapter.anchor}-{slug(section.title)}-{k}": picture.draw
        for chapter in chapters
        for section in chapter.sections
        for k, picture in enumerate(section.pictures)
        if picture.draw is not None
    }


_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser lets the page do: nothing but show what is in it."""


def _environment() -> jinja2.Environment:
    loader = jinja2.FunctionLoader(lambda name: (files(__package__) / "templates" / name).read_text("utf-8"))
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["anchor"] = slug
    environment.filters["coded"] = _coded
    return environment


def _coded(text: str) -> markupsafe.Markup:
    """Escaped text in which what stands between backticks is code."""
    return markupsafe.Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(markupsafe.escape(text))))


def slug(text: str) -> str:
    """A name for an address, of small letters, digits and dashes: what stands before a colon."""
    return re.sub(r"[^a-z0-9]+", "-", html.unescape(text).lower().split(":")[0]).strip("-") or "results"


def _chapters(dirs: Sequence[Path], out: Path) -> list[Chapter]:
    found: list[Chapter] = []
    for path in dirs:
        # before its name is asked for, which a link to itself has not
        if not path.is_dir():
            raise ReportError(f"{path}: expected a result folder, and there is none")
        name = slug(path.resolve().name)
        taken = {chapter.anchor for chapter in found}
        names = (name, *(f"{name}-{k}" for k in range(2, len(dirs) + 2)))
        found.append(_chapter(path, next(one for one in names if one not in taken), out))
    return found


def _chapter(path: Path, anchor: str, out: Path) -> Chapter:
    folder = Folder(path)
    parts, missing = sections(folder)
    if not parts:
        raise ReportError(f"{path}: nothing to report here; expected the files that a thermospice command leaves")
    name = path.resolve().name
    return Chapter(name, anchor, box(folder), tuple(links(path, out)), tuple(parts), tuple(missing))


def _tables(chapters: Sequence[Chapter], out: Path) -> Mapping[tuple[str, str, int], tuple[Path, str]]:
    """By chapter, section and number of the table: where its CSV file goes, and what it holds."""
    found = {}
    for chapter in chapters:
        home = out.parent / "tables" / (chapter.anchor if len(chapters) > 1 else "")
        for section in chapter.sections:
            for k, table in enumerate(section.tables):
                name = _file_name(section, table, k)
                found[chapter.anchor, section.title, k] = (home / name, csv_text(table))
    return found


_LONGEST = 60


def _file_name(section: Section, table: Table, k: int) -> str:
    words = slug(table.caption.split(",")[0]) if table.caption else ""
    return f"{slug(section.title)}-{k + 1}{'-' + words if words else ''}"[:_LONGEST].rstrip("-") + ".csv"
