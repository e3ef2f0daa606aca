"""A campaign over drawn chips, or folders of measured ones, to the model of their process."""

from pathlib import Path
from typing import Any

from rich.table import Table

from ...behavioral import Estimate, PopulationModel
from ...files import write_json
from ...files.opening import check_count
from ...netlists.simulators import versions
from .._exceptions import InputError
from ..frame import checked, load_state, save_state, state_file
from . import _calibration as findings

CHIPS = "chips"
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
