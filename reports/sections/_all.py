"""The parts of a report: from a folder on disk to titles, text, pictures and tables."""

from collections.abc import Callable, Mapping, Sequence

from ..results import Folder
from ..section_parts import Cell, Section, Table, picture
from ..study_sections import study
from ._answers import algebra, exported, formulas, tuning
from ._calibration import calibration_section, elements_section, population_section
from ._chip import circuit_section, design_section
from ._fidelity import covariance_section, fidelity_section, loop_section, waveforms_section
from ._programs import program
from ._simulation import simulation
from ._training import training


def sections(folder: Folder) -> tuple[list[Section], list[str]]:
    """What the folder has data for, and the names of what it does not."""
    found = {name: make(folder) for name, make in _PARTS.items()}
    there = [section for section in found.values() if section is not None]
    own = [part for part in (make(folder) for make in _OWN) if part is not None]
    if own:
        # These have parts of their own; none of the others is missed.
        return [*own, *there], []
    if folder.summary.get("command") in _OF_ONE_KIND:
        # What was asked for comes first; the others are what it is about, and none is missed.
        there.sort(key=lambda section: section.title != "Calibration")
        return there, []
    return there, [name for name, section in found.items() if section is None]


def _training(folder: Folder) -> Section | None:
    found = training(folder)
    if found is None:
        return None
    pictures = tuple(picture(draw, caption) for draw, caption in found.pictures)
    tables = tuple(Table(caption, head, rows, _marks(rows)) for caption, head, rows in found.tables)
    return Section("Training", found.text, pictures, tables)


def _marks(rows: Sequence[tuple[str | Cell, ...]]) -> tuple[bool | None, ...]:
    """Rows of whom runs stopped."""
    return tuple(False if row and str(row[-1]).startswith("✗") else None for row in rows)


def _provenance(folder: Folder) -> Section | None:
    summary = folder.summary
    instance = folder.instance
    rows = [("command", str(summary["command"]))] if "command" in summary else []
    rows += [(key, str(summary[key])) for key in ("seed", "instance_seed", "quick", "started") if key in summary]
    rows += [("seed of the chip", str(instance["seed"]))] if instance.get("seed") is not None else []
    rows += [("computed in", f"{summary['elapsed_s']:.1f} s")] if "elapsed_s" in summary else []
    rows += [("simulator", str(summary["engine"]))] if summary.get("engine") and "version" not in summary else []
    rows += [(name, str(version)) for name, version in (summary.get("versions") or {}).items()]
    return Section("Seeds and versions", (), (), (Table("", ("what", "value"), tuple(rows)),)) if rows else None


_OF_ONE_KIND = ("calibrate", "verify", "train")

_OWN: tuple[Callable[[Folder], Section | None], ...] = (
    simulation,
    study,
    program,
    algebra,
    formulas,
    exported,
    population_section,
    elements_section,
    tuning,
)

_PARTS: Mapping[str, Callable[[Folder], Section | None]] = {
    "circuit": circuit_section,
    "design values": design_section,
    "waveforms": waveforms_section,
    "covariance": covariance_section,
    "calibration": calibration_section,
    "fidelity": fidelity_section,
    "training": _training,
    "training in the loop": loop_section,
    "seeds and versions": _provenance,
}
