"""Rows of the fidelity table: one chip, three descriptions, and how far they may be apart."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy
import xarray as xr
from jaxtyping import Float

from ..behavioral import DeviceModel, compare
from ..circuits import BOLTZMANN, Instance, Level, Program, Scaling, StateSpace, state_space, symbolic
from ..netlists import Analysis, SimulationFailed, held_noise_covariance, second_opinion, simulate

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Subject:
    """A chip with a program loaded, and the model that SPICE is compared with."""

    instance: Instance
    program: Program
    level: Level
    scaling: Scaling
    model: DeviceModel
    seed: int
    failures: list[str] = field(default_factory=list)
    """Why simulations failed, in order; a row without a value says it."""


_EXACT = {
    # An ideal amplifier is a source of gain 1e7 in SPICE and a nullor in the model: rows of conductances up to 8 and
    # a condition number of 10 make that 1e-5 at most. The iteration itself stops at reltol 1e-6.
    "op": 1e-5,
    "ac": 1e-5,
    # Local errors of reltol 1e-6 add up over some hundred steps.
    "tran": 1e-4,
    # The integral over frequency is made for 1e-5, ngspice's own Boltzmann constant is 3.6e-7 off, and the ideal
    # amplifier's gain enters as above.
    "noise": 1e-4,
}
_CALIBRATED = {
    # An eight-bit solver's half step; readouts of 12 bits, averaged, allow a fifth of it.
    "op": 2e-3,
    "tran": 2e-3,
    "ac": 1e-2,
    # Broadband noise goes with the gain-bandwidth, which slow waveforms know to some per cent only.
    "noise": 5e-2,
}
_TWO_SIMULATORS = {
    # The same equations, piecewise linear: both iterations end on the solution, stopped at 3e-7 and 1e-7.
    "op": 1e-6,
    # ngspice stretches its grid by up to 1e-9, which a resonance multiplies by some tens.
    "ac": 1e-6,
    # Twice the local errors of level `tran` above, and the linear interpolation between ngspice's points: steps of a
    # fortieth of a time constant err by (1/40)^2/8 = 8e-5.
    "tran": 3e-4,
    # Boltzmann's constant is 1.38064852e-23 J/K in ngspice and 1.3806503e-23 J/K in VACASK, 1.3e-6 apart; ngspice
    # writes the root of a density.
    "noise": 5e-6,
}
_PASSIVE = 1e-4
_SETTLED = 2e-4


_NAMES = {
    "relative_error": "relative error",
    "nrms": "normalised rms",
    "covariance_error": "covariance, Frobenius",
}
# A readout with white noise without limit has densities but no covariance.
_COMPARED = {
    "covariance": _NAMES["covariance_error"],
    "psd": "densities, relative error",
    "v_re": _NAMES["relative_error"],
    "v": _NAMES["relative_error"],
}
_Z_SCORE = 4.0  # passed by chance in all but 6 of 100,000 cases
_INDEPENDENT = 200


def rows(subject: Subject, calibrated: bool = False) -> list[Row]:
    """All comparisons of one chip. A failed simulation is a failed row."""
    limits = _CALIBRATED if calibrated else _EXACT
    found = [row for analysis in _analyses(subject) for row in _analysis(subject, analysis, limits)]
    if not calibrated and subject.level == "ideal":
        exact = _exact_solution if subject.instance.topology.answer == "mean" else _exact_inverse
        found += [*exact(subject), *_symbolic(subject), *_seeded_noise(subject)]
    return _explained(subject, found)


def _explained(subject: Subject, found: list[Row]) -> list[Row]:
    """Rows that have no value say which simulations failed, and why."""
    reason = "; ".join(dict.fromkeys(subject.failures))
    return [row if "value" in row or not reason else {**row, "reason": reason} for row in found]


def second_opinions(subject: Subject) -> list[Row]:
    """ngspice against VACASK, two simulators without common code, on the same network; none for transistors."""
    if subject.level == "transistor":
        return []
    return _explained(subject, [_second_opinion(subject, analysis) for analysis in _analyses(subject)])


def _analyses(subject: Subject) -> tuple[Analysis, ...]:
    # A grid answers by its covariance, and settles to zero: there is no operating point to compare.
    mean = subject.instance.topology.answer == "mean"
    return ("op", "tran", "ac", "noise") if mean else ("tran", "ac", "noise")


def _analysis(subject: Subject, analysis: Analysis, limits: dict[str, float]) -> Iterator[Row]:
    data = _measure(subject, subject.instance, analysis)
    if data is None:
        yield _row(subject, analysis, "simulation", math.nan, limits[analysis])
        return
    if analysis == "noise" and "covariance" not in data:
        return
    row = compare(data, subject.model).row(limits[analysis])
    yield {**row, "metric": f"SPICE against model, {_NAMES[row['metric']]}"}
    if analysis == "noise" and subject.instance.topology.name == "rc-mesh" and subject.level == "ideal":
        yield _equipartition(subject, data)


def _measure(subject: Subject, instance: Instance, analysis: Analysis, **options: Any) -> xr.Dataset | None:
    try:
        return simulate(instance, subject.program, analysis, subject.level, scaling=subject.scaling, **options)
    except SimulationFailed as error:
        subject.failures.append(str(error))
        return None


def _second_opinion(subject: Subject, analysis: Analysis) -> Row:
    instance, program = subject.instance, subject.program
    first = _measure(subject, instance, analysis)
    try:
        second = second_opinion(instance, program, analysis, subject.level, scaling=subject.scaling)
    except SimulationFailed:
        second = None
    name, error = "simulation", math.nan
    if first is not None and second is not None:
        name, error = _disagreement(first, second)
    return _row(subject, analysis, f"ngspice against VACASK, {name}", error, _TWO_SIMULATORS[analysis])


def _disagreement(first: xr.Dataset, second: xr.Dataset) -> tuple[str, float]:
    """Name and value of the distance between two measurements of one network."""
    if "time" in second:
        times, v = second["time"].values, second["v"].values
        between = [np.interp(times, first["time"].values, cell) for cell in first["v"].values.T]
        return _NAMES["nrms"], _relative(np.stack(between, axis=1) - v, v)
    name = next(name for name in _COMPARED if name in second)
    a, b = (_values(data, name) for data in (first, second))
    return _COMPARED[name], _relative(a - b, b)


def _values(data: xr.Dataset, name: str) -> np.ndarray:
    values = data[name].values
    return values + 1j * data["v_im"].values if name == "v_re" else values


def _equipartition(subject: Subject, data: xr.Dataset) -> Row:
    """A passive mesh at one temperature: kT/C whatever its conductances are."""
    design = subject.instance.design
    C = design.C * (1 + subject.instance.errors["capacitance"])
    expected = np.diag(BOLTZMANN * design.temperature / C)
    error = _relative(data["covariance"].values - expected, expected)
    return _row(subject, "noise", "covariance against kT/C", error, _PASSIVE)


def _exact_solution(subject: Subject) -> Iterator[Row]:
    """Without mismatch the ideal circuit solves A x = b."""
    nominal = subject.instance.design.nominal(subject.instance.topology)
    data = _measure(subject, nominal, "op")
    x = subject.program.solution
    error = math.nan if data is None else _relative(data["v"].values / subject.scaling.drive - x, x)
    yield _row(subject, "op", "settled against A^-1 b, no mismatch", error, _SETTLED)


def _exact_inverse(subject: Subject) -> Iterator[Row]:
    """Without mismatch the grid's covariance is `(kT + S R0/2) (C A)^-1`."""
    design = subject.instance.design
    data = _measure(subject, design.nominal(subject.instance.topology), "noise")
    expected = design.kappa0 * np.linalg.inv(subject.program.A)
    error = math.nan if data is None else _relative(data["covariance"].values - expected, expected)
    yield _row(subject, "noise", "covariance against A^-1, no mismatch", error, _PASSIVE)


def _seeded_noise(subject: Subject) -> Iterator[Row]:
    """Transient noise: the sum of squared deviations, whitened by the exact covariance of held noise, as a z-score."""
    space = state_space(subject.instance.network(subject.program, subject.level, subject.scaling))
    # Six time constants apart, two samples share exp(-12) of their variance: they count as independent.
    spacing = 6 / float(np.abs(space.poles.real).min())
    options = {"noise": True, "seed": subject.seed, "duration": _INDEPENDENT * spacing, "x0": space.settled}
    data = _measure(subject, subject.instance, "tran", **options)
    z = math.nan if data is None else _chi_square_z(data, space, spacing)
    yield _row(subject, "tran", "seeded noise, sum of squares, z-score", abs(z), _Z_SCORE)


def _chi_square_z(data: xr.Dataset, space: StateSpace, spacing: float) -> float:
    hold = float(data.attrs["noise_step"])
    stride = math.ceil(spacing / hold)
    v = data["v"].values[stride - 1 :: stride]
    # About their own mean: SPICE's amplifiers of gain 1e7 settle some microvolts away, as far as the noise itself.
    v = v - v.mean(axis=0)
    total = float(np.sum(v * np.linalg.solve(held_noise_covariance(space, hold), v.T).T))
    # A chi-square of N degrees of freedom has mean N and variance 2 N; the mean has taken one for each cell.
    freedom = v.size - v.shape[1]
    return float((total - freedom) / math.sqrt(2 * freedom))


def _symbolic(subject: Subject) -> Iterator[Row]:
    """The symbolic state space, with numbers put in, against SPICE; and what is proved of the symbols."""
    topology, program = subject.instance.topology, subject.program
    model = symbolic.state_space(topology, subject.level)
    proofs = symbolic.proofs(model)
    yield _row(subject, "symbolic", "claims not proved", float(sum(not proof.holds for proof in proofs)), 0.0)
    if topology.answer == "covariance":
        return
    # The wiring follows the signs of this program's entries.
    model = symbolic.state_space(topology, subject.level, program)
    nominal = subject.instance.design.nominal(topology)
    data = _measure(subject, nominal, "op")
    error = math.nan
    if data is not None:
        v = _settled(model, nominal, program) * subject.scaling.drive
        error = _relative(data["v"].values - v, v)
    yield _row(subject, "symbolic", "settled, symbolic against SPICE", error, _EXACT["op"])


def _settled(model: symbolic.SymbolicModel, instance: Instance, program: Program) -> Float[np.ndarray, " n"]:
    """Settled readouts [V] of the symbolic state space for the numbers of a program on a nominal chip."""
    values = model.values(instance.design, program)
    G, drive, M = (_evaluate(matrix, values) for matrix in (model.G, model.drive, model.M))
    return np.asarray(M @ np.linalg.solve(G, drive[:, 0]))


def _evaluate(matrix: sympy.Matrix, values: dict[sympy.Symbol, float]) -> Float[np.ndarray, "rows columns"]:
    return np.array(matrix.subs(values).tolist(), dtype=float)


def _relative(difference: np.ndarray, values: np.ndarray) -> float:
    return float(np.linalg.norm(difference) / np.linalg.norm(values))


def _row(subject: Subject, analysis: str, metric: str, value: float, limit: float) -> Row:
    topology = subject.instance.topology
    row: Row = {"topology": topology.name, "level": subject.level, "size": topology.n}
    row |= {"analysis": analysis, "metric": metric, "limit": limit, "passed": bool(value <= limit)}
    # What was not computed is absent; the row fails all the same.
    return row | ({"value": value} if math.isfinite(value) else {})
