"""One run of a circuit study: a chip in ngspice, reduced to a few numbers."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...circuits import Design, Instance, Program, Scaling, choose_scaling, make_topology, random_program
from ...circuits.networks import OpAmp
from ...circuits.topologies import load
from ...circuits.trials import PROGRAM, get_instance
from ...measurements import Analysis
from ...netlists import SimulationFailed, find_ngspice, simulate
from ...netlists.runs import Judge, trusted

Numbers = dict[str, float]
Arrays = dict[str, list[float]]


def perform(task: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """Metrics and arrays of a task.

    Raises:
        SimulatorError, ValueError: the run failed; the message says why.
    """
    deadline = time.monotonic() + timeout
    run = prepared(task)
    # The operating point first: a transient settles to it.
    for analysis in sorted(task["analyses"], key=_ORDER.index):
        duration = task["duration"] if analysis == "tran" else None
        left = max(deadline - time.monotonic(), 1e-3)
        engine = task.get("engine", "ngspice")
        run.take(analysis, simulate(**run.chip, analysis=analysis, duration=duration, timeout=left, engine=engine))
    return run.numbers()


_ORDER = ("op", "ac", "noise", "tran")


def chip_of(task: Mapping[str, Any]) -> tuple[Instance, Program]:
    """The chip of a task and its program."""
    topology = make_topology(task["topology"], task["size"])
    seed = task["instance"]
    instance = get_instance(_design(json.dumps(task["design"])), topology, seed or 0, mismatch=seed is not None)
    program = task["program"]
    if program.get("per_chip"):
        program = {**program, "seed": seed}
    return instance, _program(task["topology"], task["size"], json.dumps(program))


# The chips of a study have most of this in common.
@lru_cache(maxsize=4)
def _design(text: str) -> Design:
    return Design.from_dict(json.loads(text))


@lru_cache(maxsize=4)
def _program(topology: str, size: int, text: str) -> Program:
    wanted = json.loads(text)
    if "A" in wanted:
        return Program(wanted["A"], wanted["b"])
    rng = np.random.default_rng([wanted["seed"], PROGRAM])
    return random_program(make_topology(topology, size), rng, wanted["condition"], wanted["symmetric"])


@dataclass(slots=True)
class ChipRun:
    """A chip that is measured, and its numbers so far."""

    task: Mapping[str, Any]
    instance: Instance
    program: Program
    scaling: Scaling
    judge: Judge
    metrics: Numbers
    arrays: Arrays
    settled: Float[np.ndarray, " n"] | None = None
    engines: set[str] = field(default_factory=set)
    """Simulators with their versions; ngspice alone where none is noted."""

    @property
    def chip(self) -> dict[str, Any]:
        """What `simulate` and `Job` take."""
        level = self.task["level"]
        return {"instance": self.instance, "program": self.program, "level": level, "scaling": self.scaling}

    def settle(self, v: Float[np.ndarray, " n"]) -> None:
        """Reduce an operating point.

        Raises:
            SimulationFailed: it is not what the circuit's equations predict, and no amplifier's rails explain it.
        """
        if faults := self.judge.settled(v).faults:
            raise SimulationFailed("; ".join(faults))
        self.settled = v
        self.metrics |= _op(v, self.instance.design, self.program, self.scaling, self.arrays)

    def take(self, analysis: Analysis, found: xr.Dataset) -> None:
        """Reduce a measurement.

        Raises:
            SimulationFailed: as `settle`.
        """
        trusted(found)
        self.engines.add(f"{found.attrs['simulator']} {found.attrs['simulator_version']}")
        if analysis == "op":
            self.settle(found["v"].values)
        elif analysis == "tran":
            self.metrics |= _tran(found, self._reference(found), self.task["settle_tolerance"])
        else:
            self.metrics |= _REDUCE[analysis](found, self.scaling, self.arrays)

    def _reference(self, found: xr.Dataset) -> Float[np.ndarray, " n"]:
        """Where a transient goes: its own end is that only when it has settled there."""
        if self.settled is not None:
            return self.settled
        v0 = found["v0"].values
        left = self.judge.unsettled(self.judge.predicted(float(found["time"].values[-1]), v0), v0)
        return self.judge.linear.settled if left > self.task["settle_tolerance"] else found["v"].values[-1]

    def numbers(self) -> dict[str, Any]:
        """What is kept."""
        engines = self.engines or {f"ngspice {find_ngspice().version}"}
        return {"metrics": self.metrics, "arrays": self.arrays, "engine": ", ".join(sorted(engines))}


def prepared(task: Mapping[str, Any]) -> ChipRun:
    """The chip of a task, and what is known of it without a simulation.

    Raises:
        ValueError: the chip cannot take its program.
    """
    instance, program = chip_of(task)
    scaling = choose_scaling(instance, program, task["level"])
    if task["drive_scale"] != "auto":
        scaling = Scaling(scaling.conductance, float(task["drive_scale"]))
    return begun(task, instance, program, scaling, Judge.of(instance, program, task["level"], scaling))


def begun(task: Mapping[str, Any], instance: Instance, program: Program, scaling: Scaling, judge: Judge) -> ChipRun:
    """A run of a chip at a scaling, with what is known without a simulation."""
    metrics, arrays = _without_simulation(task, instance, program, scaling, judge)
    return ChipRun(task, instance, program, scaling, judge, metrics, arrays)


def _without_simulation(
    task: Mapping[str, Any], instance: Instance, program: Program, scaling: Scaling, judge: Judge
) -> tuple[Numbers, Arrays]:
    design = instance.design
    loaded = load(design.programming, instance.topology, program, scaling.conductance)
    metrics: Numbers = {
        "clipped": float(len(loaded.clipped)),
        "used_conductance_scale": scaling.conductance,
        "used_drive_scale": scaling.drive,
    }
    amplifier = design.amplifier
    if amplifier is not None and task["level"] != "ideal":
        amplifiers = sum(isinstance(element, OpAmp) for element in judge.linear.network.elements)
        metrics["supply_power"] = amplifiers * amplifier.supply_current * amplifier.supply
        metrics["amplifiers_at_rails"] = float(len(judge.at_rails()))
    return metrics, {"x": program.solution.tolist()}


def _op(
    v: Float[np.ndarray, " n"],
    design: Design,
    program: Program,
    scaling: Scaling,
    arrays: Arrays,
) -> Numbers:
    x = program.solution
    found = v / scaling.drive
    arrays |= {"v": v.tolist(), "answer": found.tolist()}
    return {
        "relative_error": _relative(found - x, x),
        "worst_error": float(np.abs(found - x).max()),
        "cells_at_rails": float(_at_rails(v, design)),
    }


_NEAR_RAIL = 0.9  # the output resistance takes a part of the last volts


def _at_rails(v: Float[np.ndarray, " n"], design: Design) -> int:
    # choose_scaling keeps to half the rails, so that what is near them has lost its linearity.
    amplifier = design.amplifier
    if amplifier is None:
        return 0
    return int(((v >= _NEAR_RAIL * amplifier.rail_high) | (v <= _NEAR_RAIL * amplifier.rail_low)).sum())


def _tran(found: xr.Dataset, settled: Float[np.ndarray, " n"], tolerance: float) -> Numbers:
    times = found["time"].values
    v = found["v"].values
    size = float(np.linalg.norm(settled))
    if size == 0:
        return {}
    distance = np.linalg.norm(v - settled, axis=1) / size
    metrics = {"overshoot": max(float(np.linalg.norm(v, axis=1).max()) / size - 1, 0.0)}
    outside = np.flatnonzero(distance > tolerance)
    if len(outside) == 0:
        return {**metrics, "settle_time": float(times[0])}
    last = outside[-1]
    if last == len(times) - 1:
        return metrics  # not within the tolerance when the transient ended
    part = (distance[last] - tolerance) / (distance[last] - distance[last + 1])
    return {**metrics, "settle_time": float(times[last] + part * (times[last + 1] - times[last]))}


def _noise(found: xr.Dataset, scaling: Scaling, arrays: Arrays) -> Numbers:
    if "covariance" not in found:
        return {}
    variance = np.diag(found["covariance"].values) / scaling.drive**2
    arrays["noise_sd"] = np.sqrt(variance).tolist()
    return {"noise_rms": float(np.sqrt(variance.mean()))}


def _ac(found: xr.Dataset, scaling: Scaling, arrays: Arrays) -> Numbers:
    response = np.hypot(found["v_re"].values, found["v_im"].values)
    size = np.linalg.norm(response, axis=1)
    frequency = found["frequency"].values
    below = np.flatnonzero(size < size[0] / np.sqrt(2))
    if len(below) == 0 or size[0] == 0:
        return {}
    k = below[0]
    # Straight between two points in log-log.
    part = np.log(size[k - 1] * np.sqrt(2) / size[0]) / np.log(size[k - 1] / size[k])
    return {"bandwidth": float(frequency[k - 1] * (frequency[k] / frequency[k - 1]) ** part)}


_REDUCE: Mapping[str, Callable[[xr.Dataset, Scaling, Arrays], Numbers]] = {"noise": _noise, "ac": _ac}


def _relative(difference: Float[np.ndarray, " n"], values: Float[np.ndarray, " n"]) -> float:
    scale = float(np.linalg.norm(values))
    return float(np.linalg.norm(difference)) / scale if scale > 0 else float("nan")
