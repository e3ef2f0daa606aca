"""Links to the files of a result folder: those that are there, and nothing that leads out of it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_FILES = (
    ("circuit.cir", "the circuit, as ngspice runs it"),
    ("measurement.nc", "the measurement"),
    ("device.json", "the calibrated chip"),
    ("population.json", "the model of the process"),
    ("elements.json", "the elements that were inferred"),
    ("parameters.json", "fitted parameters"),
    ("identifiability.json", "what was not identified"),
    ("residuals.json", "residuals by record"),
    ("heldout.json", "held-out programs"),
    ("fidelity.json", "every comparison with its limit"),
    ("table.csv", "a row for each run"),
    ("characteristics.csv", "lowest, typical and highest values by condition"),
    ("specification.csv", "the loosest values"),
    ("results.nc", "all runs with named dimensions"),
    ("junit.xml", "verdicts for continuous integration"),
    ("study.yaml", "the study"),
    ("symbolic.txt", "the formulas"),
    ("symbolic.tex", "the formulas in LaTeX"),
    ("training/runs.jsonl", "a line for each training"),
    ("training/curves.jsonl", "what was logged on the way"),
    ("runs.jsonl", "a line for each training"),
    ("curves.jsonl", "what was logged on the way"),
    ("design.yaml", "the design"),
    ("instance.json", "the chip as it was drawn"),
    ("program.json", "the program"),
    ("waveforms.nc", "waveforms of SPICE and of the models"),
    ("covariance.json", "covariances"),
    ("in-the-loop.json", "training in the loop"),
    ("summary.json", "everything that --json prints"),
)
_OTHERS = (".csv", ".cir", ".va", ".py", ".npz")
"""Endings of further files that are somebody's results."""

_MOST = 40


@dataclass(frozen=True, slots=True)
class Link:
    """A file beside the page."""

    name: str
    href: str
    """Relative to the page, percent-encoded."""
    meaning: str


def links(folder: Path, page: Path) -> list[Link]:
    """Links to the files of a folder, from a page; what is well known comes first."""
    return [Link(path.relative_to(folder).as_posix(), href(path, page), told) for path, told in _there(folder)][:_MOST]


def href(path: Path, page: Path) -> str:
    """A relative address."""
    # As the reader sees the page: two paths without links lie in the same tree.
    relative = os.path.relpath(path.resolve(), page.parent.resolve())
    address = quote(Path(relative).as_posix())
    # What looks like a scheme in front of a colon would be one; quote leaves none.
    return address


def _there(folder: Path) -> Iterator[tuple[Path, str]]:
    known = {name for name, _ in _FILES}
    for name, meaning in _FILES:
        if _is_own(folder / name, folder):
            yield folder / name, meaning
    for path in sorted(folder.iterdir()):
        if path.name not in known and path.suffix in _OTHERS and _is_own(path, folder):
            yield path, ""


def _is_own(path: Path, folder: Path) -> bool:
    """Whether it is a plain file of the folder, and no link to what may be anybody's."""
    return path.resolve() == folder.resolve() / path.relative_to(folder) and path.is_file()
