"""Lab data as the command line names them: a description and records, in any order."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ...behavioral import DeviceModel
from ...circuits import Instance, Level
from ...measurements import MeasurementError
from ...measurements.lab import NAME, Lab, LabData, found_beside, read_lab
from .._exceptions import InputError

FACTS = ("design", "topology", "size", "rank", "level", "temperature")
"""Options that say what a description may say too."""

OPTIONS = ("measurements", "lab", "nuisance", "held_out", *FACTS)

_DESCRIPTIONS = (".yaml", ".yml")
_RECORDS = ("*.csv", "*.txt", "*.tsv", "*.dat", "*.raw", "*.s[0-9]p", "*.nc")


def is_lab(paths: Sequence[Path], asked: bool) -> bool:
    """Whether these are records of a bench, and not measurements as this package writes them."""
    if not paths:
        return False
    others = [path for path in paths if not path.is_dir() and path.suffix != ".nc"]
    if any(asked or path.suffix.lower() in _DESCRIPTIONS or _is_record(path) for path in others):
        return True
    folders = [path for path in paths if path.is_dir()]
    return any((path / NAME).is_file() or (asked and _inside(path) and not any(path.glob("*.nc"))) for path in folders)


def load(paths: Sequence[Path], facts: Mapping[str, Any], known: tuple[Instance, Level] | None = None) -> LabData:
    """Records with their description: the .yaml among the files, or `lab.yaml` beside the first record.

    Args:
        paths: files, or folders of records.
        facts: what was given beside the description, by the names of its keys.
        known: the chip where a model says it.

    Raises:
        InputError: several descriptions.
        MeasurementError: what is missing or wrong, all of it in one line.
    """
    lab, records = described(paths)
    return read_lab(lab.with_facts(facts), records, known)


def described(paths: Sequence[Path]) -> tuple[Lab, list[Path]]:
    """The description of records, and the records: those that it names where none are given.

    Raises:
        InputError: several descriptions.
        MeasurementError: one that cannot be read.
    """
    files = [file for path in paths for file in (_inside(path) if path.is_dir() else [path])]
    told = [file for file in files if file.suffix.lower() in _DESCRIPTIONS]
    records = [file for file in files if file not in told]
    if len(told) > 1:
        raise InputError(f"--measurements: expected one description, got {', '.join(map(str, told))}")
    lab = Lab.load(told[0]) if told else found_beside(records)
    return lab, records or _named(lab)


def _is_record(path: Path) -> bool:
    return any(fnmatchcase(path.name.lower(), pattern) for pattern in _RECORDS)


def _inside(folder: Path) -> list[Path]:
    names = sorted(file for file in folder.iterdir() if _is_record(file))
    return [folder / NAME, *names] if (folder / NAME).is_file() else names


def _named(lab: Lab) -> list[Path]:
    """The records that a description names."""
    return [
        path
        for pattern in lab.facts.records
        for path in (sorted(lab.folder.glob(pattern)) if any(c in pattern for c in "*?[") else [lab.folder / pattern])
    ]


def split(data: LabData, last: int) -> tuple[LabData, LabData]:
    """What is fitted, and what is kept back: what the description says, and so many of the last others.

    Raises:
        InputError: nothing would be left to fit.
    """
    others = [k for k, kept in enumerate(data.held_out) if not kept]
    if last >= len(others):
        text = f"expected less than the {len(others)} records, got {last}: nothing would be left to fit"
        raise InputError(f"--held-out: {text}")
    fitted = others[: len(others) - last]
    return _some(data, fitted), _some(data, [k for k in range(len(data.files)) if k not in fitted])


def _some(data: LabData, which: Sequence[int]) -> LabData:
    return replace(
        data,
        measurements=tuple(data.measurements[k] for k in which),
        files=tuple(data.files[k] for k in which),
        held_out=tuple(data.held_out[k] for k in which),
    )


@contextmanager
def files_named(files: Sequence[str]) -> Iterator[None]:
    """Messages that count measurements name their files instead."""
    try:
        yield
    except MeasurementError as error:
        raise MeasurementError(
            re.sub(r"measurement (\d+)", lambda found: files[int(found[1])], str(error)).replace(
                "readout_sigma", "readout_noise"
            )
        ) from None


def check_design(model: DeviceModel, data: LabData) -> None:
    """Raise `InputError` where the records are said to be of another design or another chip than the model."""
    told = data.design
    if told is not None and told != model.design.name:
        raise InputError(f"--device: is of design {model.design.name}, and the measurements say {told}")
    chips = {str(one.attrs.get("instance_digest")) for one in data.measurements} - {model.provenance.instance_digest}
    if chips and model.provenance.instance_digest:
        mine = model.provenance.instance_digest[:24]
        raise InputError(f"--device: is of {mine}, and the measurements are of {sorted(chips)[0][:24]}")
