"""Chips and runs that the figures share."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from thermospice.behavioral import DeviceModel, Response
from thermospice.circuits import Crossbar, Design, Instance, Program
from thermospice.netlists import Job, simulate_many

PROGRAM = Program([[1.0, 0.41], [-0.29, 0.83]], [0.5, 0.3])
"""Of the figures that say no other: two cells, both signs, no entry halfway between two steps of a coarse grid."""


def board(parts: Mapping[str, Mapping[str, Any]] | None = None, **values: Any) -> Design:
    """The board with some numbers replaced: `board({"amplifier": {"gain": 100}}, temperature=350)`."""
    design = Design.preset("board-1k-1n")
    changed = {name: getattr(design, name).model_copy(update=dict(what)) for name, what in (parts or {}).items()}
    return design.model_copy(update={**changed, **values})


def chip(parts: Mapping[str, Mapping[str, Any]] | None = None, **values: Any) -> Instance:
    """Two cells of that board, without mismatch and offsets."""
    return board(parts, **values).nominal(Crossbar(2))


def response(instance: Instance, program: Program = PROGRAM, **asked: Any) -> Response:
    """What the model says."""
    return DeviceModel.nominal(instance, asked.pop("level", "macro")).response(program, **asked)


def runs(jobs: Sequence[Job]) -> list[xr.Dataset]:
    """Measurements of all jobs; a figure with a run missing is none."""
    found = []
    for one in simulate_many(jobs, workers=1):
        if isinstance(one, Exception):
            raise one
        found.append(one)
    return found


def settled(instances: Sequence[Instance], program: Program = PROGRAM, cell: int = 0) -> np.ndarray:
    """Readouts of one cell at the operating point in SPICE [V]."""
    jobs = [Job(one, program, "op", scaling=response(one, program).scaling) for one in instances]
    return np.array([float(data["v"][cell]) / job.scaling.drive for data, job in zip(runs(jobs), jobs, strict=True)])


def answer(instance: Instance, program: Program = PROGRAM, cell: int = 0) -> float:
    """The same by the model [V]."""
    return float(response(instance, program).solution[cell])
