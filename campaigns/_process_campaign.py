"""Many chips measured and calibrated."""

from collections.abc import Callable, Sequence
from pathlib import Path

import xarray as xr

from ..behavioral import Calibration
from ..circuits import Instance, Level
from ..measurements import save_measurements
from ..netlists import measure_for_calibration
from ._exceptions import StudyError

_INSTANCE = "instance.json"


def is_measured(folder: Path) -> bool:
    """Whether a folder holds all measurements of its chip."""
    return (folder / _INSTANCE).exists()


def measure_chip(
    instance: Instance, level: Level, programs: int, kinds: Sequence[str] | None, seed: int, folder: Path
) -> None:
    """Measure a chip and keep the measurements in a folder, unless it has all of them already."""
    if is_measured(folder):
        return
    save_measurements(measure_for_calibration(instance, level, programs, seed, kinds), folder / "calibration")
    # Last: a folder without it is measured again.
    instance.save(folder / _INSTANCE)


def folders_of(paths: Sequence[Path]) -> list[list[Path]]:
    """The measurement files of each chip, from one folder a chip.

    Raises:
        StudyError: a folder among files, or one without measurements.
    """
    if not all(path.is_dir() for path in paths):
        raise StudyError("measurements: expected files of one chip, or one folder for each chip, got both")
    found = []
    for path in paths:
        files = sorted(path.glob("*.nc")) or sorted((path / "calibration").glob("*.nc"))
        if not files:
            raise StudyError(f"{path}: expected measurements (.nc) in this folder or in its folder calibration")
        found.append(files)
    return found


def fit_chips(
    measured: Sequence[Callable[[], list[xr.Dataset]]],
    names: Sequence[str],
    done: Callable[[int, int], None],
    nuisances: Sequence[str] = (),
) -> list[Calibration]:
    """Each chip calibrated; its name is in the message when it cannot be.

    Raises:
        StudyError: measurements of a chip that cannot be fitted.
    """
    found = []
    for k, (name, chip) in enumerate(zip(names, measured, strict=True)):
        done(k, len(names))
        try:
            found.append(Calibration.of(chip(), nuisances))
        except ValueError as error:
            raise StudyError(f"{name}: {error}") from None
    return found
