"""Rows of the fidelity table of a circuit of one's own: SPICE against its equations, its process and its formulas."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..behavioral import CircuitProcess
from ..circuits.circuit_formulas import formula_checks
from ..circuits.linear_circuits import InfiniteVarianceError, LinearCircuit, Observed
from ..circuits.networks import OpAmp
from ..circuits.state_spaces import has_waveforms
from ..measurements import Analysis
from ..netlists import NetlistError, SimulationFailed
from ..netlists.exports import Opinion, vacask_opinion
from ..netlists.own_circuits import CircuitRequest, CircuitResult, simulate_circuit, source_names
from .subjects import Row, relative

LIMITS = {
    # Linear equations solved twice: rounding, and ngspice's nodal tolerance of 3e-7 at a point that it iterates to.
    "op": 1e-6,
    "ac": 1e-6,
    # ngspice's constant of Boltzmann is 4e-7 lower, its integral over a grid is right to 1e-6.
    "noise": 1e-3,
    "covariance": 1e-3,
    # Local errors of 3e-7 add up over some thousand steps, as in the table of the chips.
    "tran": 1e-3,
    # Poles and responses of one circuit by two ways.
    "equations": 1e-6,
}


@dataclass(frozen=True, eq=False)
class CircuitCase:
    """A circuit with its outputs, at the netlist's own temperature or another one [K]."""

    circuit: Observed
    temperature: float | None = None
    band: tuple[float, float] | None = None
    what: str = ""
    """Which chip, where it is not the circuit as its netlist has it."""
    failures: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the rows that are kept."""
        return f"netlist-{self.circuit.network.name}"

    @property
    def level(self) -> str:
        """Macro with amplifiers that have one."""
        elements = self.circuit.network.elements
        return "macro" if any(isinstance(e, OpAmp) and e.model is not None for e in elements) else "ideal"

    def rows(self, opinions: bool = False) -> list[Row]:
        """All comparisons, with `opinions` those with VACASK; a failed simulation is a failed row that says why."""
        found = [*self._rows(), *(self._opinions() if opinions else ())]
        reason = "; ".join(dict.fromkeys(self.failures))
        return [row if "value" in row or not reason else {**row, "reason": reason} for row in found]

    def _rows(self) -> Iterator[Row]:
        yield from self._symbolic()
        yield from self._op()
        if source_names(self.circuit.network):
            yield from self._ac()
        if self.model.contributors:
            yield from self._noise()
        if len(self.model.poles):
            yield from self._tran()

    @cached_property
    def model(self) -> LinearCircuit:
        """Its equations, as warm as it is measured."""
        network = self.circuit.network
        if self.temperature is not None:
            network = replace(network, temperature=self.temperature)
        return LinearCircuit.of(network, self.circuit.labels)

    def _row(self, analysis: str, metric: str, value: float, limit: float) -> Row:
        row: Row = {
            "topology": self.circuit.network.name,
            "level": f"{self.level} {self.what}".strip(),
            "size": len(self.circuit.labels),
            "analysis": analysis,
            "metric": metric,
            "limit": limit,
            "passed": bool(value <= limit),
        }
        return row | ({"value": float(value)} if math.isfinite(value) else {})

    def _measure(self, analysis: Analysis, **options: Any) -> CircuitResult | None:
        try:
            request = CircuitRequest(analysis=analysis, temperature=self.temperature, **options)
            return simulate_circuit(self.circuit, request)
        except SimulationFailed as error:
            self.failures.append(str(error))
            return None

    def _compared(
        self,
        analysis: str,
        metric: str,
        kind: str,
        result: CircuitResult | None,
        error: Callable[[CircuitResult], float],
    ) -> Row:
        return self._row(analysis, metric, math.nan if result is None else error(result), LIMITS[kind])

    def _symbolic(self) -> Iterator[Row]:
        for name, check in formula_checks(self.model).items():
            yield self._row("symbolic", f"formulas against numbers, {name}", check["error"], check["limit"])
        if len(self.model.poles):
            yield self._row("symbolic", "state space against nodal equations, ac", self._two_ways(), 1e-6)

    def _two_ways(self) -> float:
        space = self.model.space
        model = self.model
        corners = np.abs(model.poles) / (2 * np.pi)
        f = np.geomspace(max(corners.min(), corners.max() * 1e-9) / 10, corners.max() * 10, 25)
        bare = np.array([model.pencil.read_by(2j * np.pi * x).T @ model.pencil.noise_entries for x in f])
        paths = model.paths
        s = [np.linalg.solve(2j * np.pi * x * space.C + space.G, paths.inflow) for x in f]
        by_states = np.array([space.M @ part + paths.direct for part in s])
        return relative(by_states - bare, bare) if bare.any() else 0.0

    def _op(self) -> Iterator[Row]:
        result = self._measure("op")
        settled = self.model.settled
        yield self._compared(
            "op", "SPICE against nodal equations, settled", "op", result, lambda r: _error(r.v, settled)
        )
        if (process := self.process) is not None:
            yield self._compared(
                "op", "SPICE against process, mean", "op", result, lambda r: _error(r.v, process.settled())
            )

    @cached_property
    def process(self) -> CircuitProcess | None:
        """The circuit as a process; None where nothing relaxes."""
        if len(self.model.poles) == 0 or self.model.stability.verdict != "stable":
            return None
        return CircuitProcess.of(self.model.network)

    def _ac(self) -> Iterator[Row]:
        for source in source_names(self.circuit.network)[:_MOST_SOURCES]:
            result = self._measure("ac", input=source)
            column = self.model.inputs.index(source)
            yield self._compared(
                "ac",
                f"SPICE against nodal equations, from {source}",
                "ac",
                result,
                partial(_response_error, self.model, column),
            )

    def _noise(self) -> Iterator[Row]:
        for band in dict.fromkeys((None, self.band)):
            yield from self._noise_within(band)

    def _noise_within(self, band: tuple[float, float] | None) -> Iterator[Row]:
        where = "all frequencies" if band is None else f"{band[0]:g} to {band[1]:g} Hz"
        result = self._measure("noise", band=band)
        yield self._compared(
            "noise", f"SPICE against nodal equations, densities, {where}", "noise", result, self._density_error
        )
        name = "covariance" if band is None else "band_covariance"
        if result is None or name not in result.measurement:
            return
        found = result.measurement[name].values
        try:
            expected = self.model.covariance(band)
        except InfiniteVarianceError:
            return
        limit = LIMITS["covariance"]
        yield self._row("noise", f"SPICE against model, covariance, {where}", _norm(found, expected), limit)
        if band is None and self.process is not None:
            stationary = self.process.stationary_covariance()
            yield self._row("noise", "SPICE against process, covariance", _norm(found, stationary), limit)

    def _density_error(self, result: CircuitResult) -> float:
        f = result.measurement["frequency"].values
        psd = result.measurement["psd"].values
        expected = self.model.psd(f)
        heard = expected > 0
        return float(np.max(np.abs(psd[heard] / expected[heard] - 1), initial=0.0))

    def _tran(self) -> Iterator[Row]:
        process = self.process
        moving = has_waveforms(self.model.space)
        if process is None or not (moving or process.settled().any() or process.start.any()):
            return  # a waveform of zeros says nothing
        result = self._measure("tran")
        if result is not None and not (result.followed if moving else result.steps):
            return
        yield self._compared(
            "tran", "SPICE against process, waveform", "tran", result, lambda r: _wave_error(r, process)
        )

    def _opinions(self) -> Iterator[Row]:
        """Another simulator against the equations."""
        if self.model.stability.verdict != "stable":
            return
        f = self._corners()
        opinion = self._opinion(f)
        for analysis, metric, error in self._said(opinion, f):
            yield self._row(analysis, f"VACASK against nodal equations, {metric}", error, LIMITS[analysis])

    def _said(self, opinion: Opinion | None, f: np.ndarray) -> Iterator[tuple[str, str, float]]:
        """Analysis, what of it, the error; of nothing where there is no opinion."""
        whole = math.nan
        yield "op", "settled", whole if opinion is None else _norm(opinion.v, self.model.settled)
        error = whole if opinion is None else _norm(opinion.response, self._to_stimuli(opinion, f))
        yield "ac", "response to all stimuli", error
        if self.model.contributors:
            yield "noise", "densities", whole if opinion is None else _norm(opinion.psd, self.model.psd(f))

    def _opinion(self, f: np.ndarray) -> Opinion | None:
        try:
            return vacask_opinion(self.model.network, f)
        except (SimulationFailed, NetlistError) as error:
            self.failures.append(str(error))
            return None

    def _to_stimuli(self, opinion: Opinion, f: np.ndarray) -> np.ndarray:
        columns = [self.model.inputs.index(name) for name in opinion.sources]
        stimuli = opinion.ac[: len(columns)]
        return np.asarray(self.model.transfer(f)[:, :, columns] @ stimuli)

    def _corners(self) -> np.ndarray:
        """Frequencies from below the slowest to above the fastest pole [Hz]."""
        corners = np.abs(self.model.poles) / (2 * np.pi)
        if len(corners) == 0:
            return np.array([1.0, 1e3])
        return np.geomspace(max(corners.min(), corners.max() * 1e-9) / 10, corners.max() * 10, 7)


_MOST_TIMES = 500
"""Of a waveform under sources that change; each is a matrix exponential."""

_MOST_SOURCES = 8


def _error(v: np.ndarray, expected: np.ndarray) -> float:
    """Relative; volts below a nanovolt are rounding."""
    scale = max(float(np.linalg.norm(expected)), 1e-9)
    return float(np.linalg.norm(v - expected)) / scale


def _norm(found: np.ndarray, expected: np.ndarray) -> float:
    return relative(found - expected, expected) if expected.any() else float(np.abs(found).max(initial=0.0))


def _response_error(model: LinearCircuit, column: int, result: CircuitResult) -> float:
    data = result.measurement
    found = data["v_re"].values + 1j * data["v_im"].values
    return _norm(found, model.transfer(data["frequency"].values)[:, :, column])


def _wave_error(result: CircuitResult, process: CircuitProcess) -> float:
    times = result.measurement["time"].values
    v = result.measurement["v"].values
    if has_waveforms(process.space):
        rows = np.unique(np.linspace(0, len(times) - 1, _MOST_TIMES).astype(int))
        times = times[rows]
        v = v[rows]
    expected = process.mean_at(times)
    scale = float(np.sqrt(np.mean(expected**2)))
    return float(np.sqrt(np.mean((v - expected) ** 2))) / scale if scale > 0 else float(np.abs(v).max())
