"""A chip with a program, and its measurements: each is made once, and why one failed is kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import xarray as xr

from ...behavioral import DeviceModel
from ...circuits import Instance, Level, Network, Program, Scaling, state_space
from ...circuits.state_spaces import StateSpace
from ...measurements import Analysis
from ...netlists import Job, SimulationFailed, deck, simulate, simulate_many
from ...netlists.simulators import Plot, proven_ngspice, read_raw, run_deck
from ._row import Row, make_row


@dataclass(frozen=True, eq=False)
class Asked:
    """A measurement that a check will ask for: the arguments of `Subject.measure`."""

    analysis: Analysis
    instance: Instance | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return json.dumps([self.analysis, id(self.instance), {k: str(v) for k, v in self.options.items()}])


@dataclass(frozen=True, eq=False)
class Subject:
    """A chip with a program loaded, and the model that SPICE is compared with."""

    instance: Instance
    program: Program
    level: Level
    scaling: Scaling
    model: DeviceModel
    seed: int
    calibrated: bool = False
    failures: list[str] = field(default_factory=list)
    """Why simulations failed, in order; a row without a value says it."""
    _found: dict[str, xr.Dataset | None] = field(default_factory=dict)

    @property
    def mean(self) -> bool:
        """Whether the settled voltages are the answer; a grid answers by its covariance."""
        return self.instance.topology.answer == "mean"

    @property
    def analyses(self) -> tuple[Analysis, ...]:
        """What is measured; a grid settles to zero and has no operating point to compare."""
        return ("op", "tran", "ac", "noise") if self.mean else ("tran", "ac", "noise")

    def network(self) -> Network:
        """The circuit as loaded."""
        return self.instance.network(self.program, self.level, self.scaling)

    def space(self) -> StateSpace:
        """Its state space."""
        return state_space(self.network())

    def row(self, analysis: str, metric: str, value: float, limit: float, **options: Any) -> Row:
        """See `make_row`."""
        return make_row(self.instance, self.level, analysis, metric, value, limit, **options)

    def measure(self, analysis: Analysis, instance: Instance | None = None, **options: Any) -> xr.Dataset | None:
        """SPICE on this chip, or on another one with the same program; None when it failed."""
        asked = Asked(analysis, instance, options)
        if asked.key not in self._found:
            self._found[asked.key] = self._simulate(analysis, instance or self.instance, options)
        return self._found[asked.key]

    def measure_side_by_side(self, asked: Sequence[Asked]) -> None:
        """SPICE on all of these, as many at a time as there are processors, for `measure` to find: the same numbers."""
        new = [one for one in asked if one.key not in self._found]
        jobs = [
            Job(
                one.instance or self.instance,
                self.program,
                one.analysis,
                self.level,
                scaling=self.scaling,
                **one.options,
            )
            for one in new
        ]
        for one, found in zip(new, simulate_many(jobs), strict=True):
            if isinstance(found, SimulationFailed):
                self.failures.append(str(found))
            elif isinstance(found, Exception):
                raise found
            self._found[one.key] = found if isinstance(found, xr.Dataset) else None

    def _simulate(self, analysis: Analysis, instance: Instance, options: dict[str, Any]) -> xr.Dataset | None:
        try:
            return simulate(instance, self.program, analysis, self.level, scaling=self.scaling, **options)
        except SimulationFailed as error:
            self.failures.append(str(error))
            return None

    def circuit(self, instance: Instance | None = None) -> list[str]:
        """Lines of the circuit with its solver's options, without an analysis."""
        text = deck(Job(instance or self.instance, self.program, "op", self.level, scaling=self.scaling))
        analysis = {".save", ".op", ".print", ".end"}
        return [line for line in text.splitlines() if line.split() and line.split()[0] not in analysis]

    def run(self, lines: list[str], plot: str) -> Plot | None:
        """One analysis of a circuit given as lines; the plot whose name begins so, None when there is none."""
        try:
            found = read_raw(run_deck("\n".join([*lines, ".end", ""]), proven_ngspice()).raw)
        except SimulationFailed as error:
            self.failures.append(str(error))
            return None
        for candidate in found:
            if candidate.name.startswith(plot) and candidate.finite:
                return candidate
        self.failures.append(f"ngspice gave no {plot!r}")
        return None

    def explained(self, found: list[Row]) -> list[Row]:
        """Rows that have no value say which simulations failed, and why."""
        reason = "; ".join(dict.fromkeys(self.failures))
        return [row if "value" in row or not reason else {**row, "reason": reason} for row in found]
