"""A campaign over drawn chips, or folders of measured ones, to the model of their process."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import xarray as xr
from rich.table import Table

from ..behavioral import Calibration, Estimate, PopulationModel
from ..circuits import Instance, Level
from ..files import check_count
from . import _calibration as calibration
from . import _findings as findings
from ._errors import InputError
from ._folder import write_json
from ._resuming import checked, load_state, save_state, state_file
from ._versions import versions

CHIPS = "chips"
_INSTANCE = "instance.json"
_FEWEST = 3


def check_instances(instances: int) -> int:
    """How many chips to draw.

    Raises:
        InputError: fewer than three, which show no spread, or too many.
    """
    check_count("instances", instances)
    if instances < _FEWEST:
        raise InputError(f"--instances: expected at least {_FEWEST} chips for a spread, got {instances}")
    return instances


def save_request(folder: Path, request: dict[str, Any]) -> None:
    """What the campaign was asked for, for `--resume`."""
    save_state(folder, "calibrate", {"request": request})


def load_request(folder: Path) -> dict[str, Any]:
    """What an interrupted campaign was asked for.

    Raises:
        InputError: the folder is not one of a campaign.
    """
    found = load_state(folder, "calibrate", "calibrate --instances").get("request")
    return checked(dict[str, Any], found, state_file(folder))


def measure_chip(
    instance: Instance, level: Level, programs: int, kinds: Sequence[str], seed: int, folder: Path
) -> None:
    """Measure a chip and keep the measurements in a folder, unless it has all of them already."""
    if (folder / _INSTANCE).exists():
        return
    calibration.save_all(calibration.measure(instance, level, programs, seed, kinds), folder / "calibration")
    # Last: a folder without it is measured again.
    instance.save(folder / _INSTANCE)


def folders_of(paths: Sequence[Path]) -> list[list[Path]]:
    """The measurement files of each chip, from one folder a chip.

    Raises:
        InputError: a folder among files, or one without measurements.
    """
    if not all(path.is_dir() for path in paths):
        raise InputError("measurements: expected files of one chip, or one folder for each chip, got both")
    found = []
    for path in paths:
        files = sorted(path.glob("*.nc")) or sorted((path / "calibration").glob("*.nc"))
        if not files:
            raise InputError(f"{path}: expected measurements (.nc) in this folder or in its folder calibration")
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
        InputError: measurements of a chip that cannot be fitted.
    """
    found = []
    for k, (name, chip) in enumerate(zip(names, measured, strict=True)):
        done(k, len(names))
        try:
            found.append(Calibration.of(chip(), nuisances))
        except ValueError as error:
            raise InputError(f"{name}: {error}") from None
    return found


def write(found: PopulationModel, folder: Path) -> None:
    """population.json, which `thermospice train --device` takes."""
    write_json(folder / "population.json", found.to_dict())


def summary(found: PopulationModel) -> dict[str, Any]:
    """Means and spreads with standard errors, correlations that the data show, where it comes from."""
    return {
        "population": "population.json",
        "design": found.design.name,
        "topology": found.topology,
        "level": found.level,
        "instances": len(found.instances),
        "spreads": {
            name: {part: _plain(getattr(spread, part)) for part in ("mean", "chip", "local")}
            for name, spread in found.spreads.items()
        },
        "correlations": [
            {"between": list(pair), **(_plain(estimate) or {})} for pair, estimate in found.correlations.items()
        ],
        "residual": found.provenance.residual,
        "samples": found.provenance.samples,
        "versions": versions(),
    }


def table(found: PopulationModel) -> Table:
    """One line for each kind of deviation; of a process gains and bandwidths too are relative to the design's."""
    shown = Table("relative, or V", "mean", "chip to chip", "within a chip", box=None)
    for name, spread in found.spreads.items():
        shown.add_row(
            findings.with_unit(name).removesuffix(" (relative)"),
            _text(spread.mean),
            _text(spread.chip),
            _text(spread.local),
        )
    return shown


def _plain(estimate: Estimate | None) -> dict[str, float] | None:
    return None if estimate is None else {"value": estimate.value, "standard_error": estimate.standard_error}


def _text(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{estimate.value: .1e} ± {estimate.standard_error:.0e}"
