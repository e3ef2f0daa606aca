"""Figures of the physics pages: each effect as SPICE has it, as the model has it, and by hand.

A figure is drawn again when the package, these files or the simulator have changed, and kept otherwise.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from ._drawing import draw
from ._dynamics import gain_and_bandwidth, rails_and_slew, rlc_grid, stage_lag
from ._noise import amplifier_noise, thermal_noise
from ._panels import Panel
from ._settled import (
    converters,
    drift_and_ageing,
    mismatch,
    offset_and_bias,
    programming_grid,
    temperature,
)

ROOT = Path(__file__).parents[3]
ROOMS = ("circuits", "measurements", "netlists", "behavioral")
EFFECTS: Mapping[str, Callable[[bool], tuple[Panel, ...]]] = {
    "mismatch": mismatch,
    "offset-and-bias": offset_and_bias,
    "gain-and-bandwidth": gain_and_bandwidth,
    "rails-and-slew": rails_and_slew,
    "thermal-noise": thermal_noise,
    "amplifier-noise": amplifier_noise,
    "programming-grid": programming_grid,
    "converters": converters,
    "temperature": temperature,
    "drift-and-ageing": drift_and_ageing,
    "stage-lag": stage_lag,
    "rlc-grid": rlc_grid,
}
"""By the names of their pages; a function is told whether there is a simulator."""


def draw_all(folder: Path) -> None:
    """`NAME.svg` and `NAME.json` for each effect that is not up to date there."""
    folder.mkdir(parents=True, exist_ok=True)
    simulator = _simulator()
    state = _state(simulator)
    for name, panels_of in EFFECTS.items():
        facts, picture = folder / f"{name}.json", folder / f"{name}.svg"
        if facts.exists() and picture.exists() and json.loads(facts.read_text(encoding="utf-8"))["state"] == state:
            continue
        panels = panels_of(simulator is not None)
        draw(panels, picture)
        said = {
            "state": state,
            "simulator": simulator,
            "residuals": [panel.residual for panel in panels],
            "by_hand": any(panel.by_hand is not None for panel in panels),
        }
        facts.write_text(json.dumps(said), encoding="utf-8")


def caption(folder: Path, name: str) -> str:
    """What a figure shows and how far model and SPICE are apart, in the words of its page."""
    said = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    if said["simulator"] is None:
        return "Lines: the model. No simulator was found when this page was built, so that SPICE is missing."
    dashed = " Dashed: the formula above, by hand." if said["by_hand"] else ""
    return (
        f"Line: the model. Points: {said['simulator']}.{dashed} Below: what SPICE"
        f" and model differ by, at most {' and '.join(said['residuals'])}. Computed when this page was built."
    )


def _simulator() -> str | None:
    from thermospice.netlists import SimulatorMissing, find_ngspice

    try:
        return f"ngspice {find_ngspice().version}"
    except SimulatorMissing:
        return None


def _state(simulator: str | None) -> str:
    """What a figure depends on."""
    found = hashlib.sha256(str(simulator).encode())
    places = [Path(__file__).parent, *(ROOT / room for room in ROOMS)]
    for path in sorted(path for place in places for path in place.rglob("*") if path.suffix in (".py", ".yaml")):
        found.update(path.read_bytes())
    return found.hexdigest()
