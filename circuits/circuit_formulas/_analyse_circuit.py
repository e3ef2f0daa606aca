"""Formulas where they can be written down, numbers of everything, and whether both say the same."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from jaxtyping import Float
from sympy import Matrix

from ..linear_circuits import (
    Band,
    InfiniteVarianceError,
    LinearCircuit,
    Sensitivities,
    sensitivities,
    value_of,
)
from ..symbolic import CircuitModel, Formulas, omega, s

_AGREEMENT = 1e-6
"""Formulas with the circuit's numbers put in against numbers worked out: rounding of inverses of stiff matrices."""

_TITLES: Mapping[str, str] = {
    "C": "C dstate/dt = -G state + B u + noise [F, or H]",
    "G": "G [S, or ohm]",
    "B": "B: what a unit of each source drives into the states",
    "M": "v = M state + D u",
    "D": "D: what of each source reaches the outputs at once",
    "characteristic": "its roots in s are the poles",
    "settled": "outputs at rest [V]",
    "transfer": "transfer functions from each source to each output",
    "output_noise": "one-sided noise density of each output [V^2/Hz], by angular frequency omega",
    "covariance": "covariance of the outputs' noise over all frequencies [V^2]",
    "settled_sensitivity": "change of the outputs at rest [V] for a relative change of each element",
    "transfer_sensitivity": "change of each transfer function for a relative change of each element",
}


def analyse_circuit(circuit: LinearCircuit, band: Band | None = None) -> Formulas:
    """State matrices, transfer functions, noise, covariance and sensitivities of a circuit.

    Raises:
        ValueError: equations that are singular.
    """
    numbers = _numbers(circuit, band)
    model, left_out = _model(circuit)
    formulas = dict(_formulas(model)) if model is not None else {}
    checks = _checks(model, formulas, circuit) if model is not None else {}
    omitted = [title for name, title in _TITLES.items() if name not in formulas]
    summary = {
        "network": circuit.network.name,
        "outputs": list(circuit.labels),
        "sources": list(circuit.inputs),
        "states": [] if model is None else list(model.states),
        "symbols": {} if model is None else {str(x): name for name, x in model.symbols.items()},
        "expressions": {name: _plain(value) for name, value in formulas.items()},
        "numbers": numbers,
        "checks": checks,
        "omitted": omitted,
    }
    written = _Written(circuit, formulas, numbers, checks, omitted, left_out)
    text = written.document(lambda e: str(sympy.pretty(e, wrap_line=False, use_unicode=True)))
    latex = written.document(lambda e: f"\\[ {sympy.latex(e)} \\]")
    return Formulas(text, latex, summary, all(check["holds"] for check in checks.values()))


def formula_checks(circuit: LinearCircuit, closed_forms: bool = True) -> dict[str, dict[str, Any]]:
    """What of `analyse_circuit` says whether formulas and numbers agree; empty where there are no formulas.

    Without `closed_forms` that of the state matrices alone, which takes seconds in any circuit.

    Raises:
        ValueError: equations that are singular.
    """
    model, _ = _model(circuit)
    if model is None:
        return {}
    return _checks(model, dict(_formulas(model, with_sensitivities=False)) if closed_forms else {}, circuit)


def _model(circuit: LinearCircuit) -> tuple[CircuitModel | None, str]:
    """The circuit in symbols; None, and why, where it has numbers alone."""
    try:
        model = CircuitModel(circuit)
        _ = model.G  # solves its equations
    except ValueError as error:
        return None, str(error)
    return model, ""


_DIGITS = 60
"""Of numbers that are put into a formula: with amplifiers of gain 1e9 inside each other, most of its terms cancel."""


def _long(values: Mapping[Any, float]) -> dict[Any, sympy.Float]:
    return {symbol: sympy.Float(value, _DIGITS) for symbol, value in values.items()}


_BESIDE = 1.7
"""A second frequency: at one alone, such as that of a notch, nothing but rounding may be left to compare."""


_MOST_ENTRIES = 16
"""Sensitivities of transfer functions that are written down: each is a page of a larger circuit."""


def _formulas(model: CircuitModel, with_sensitivities: bool = True) -> Iterator[tuple[str, Any]]:
    for name in ("C", "G", "B", "M", "D"):
        yield name, getattr(model, name)
    if not model.small:
        return
    yield "characteristic", model.characteristic
    if model.sources:
        yield "transfer", model.transfer
        entries = len(model.transfer) * len(model.symbols)
        if with_sensitivities and entries <= _MOST_ENTRIES:
            yield "transfer_sensitivity", model.sensitivities(model.transfer)
    if model.sources and sympy.simplify(model.G.det() if model.states else 1) != 0:
        yield "settled", model.settled
        if with_sensitivities:
            yield "settled_sensitivity", model.sensitivities(model.settled)
    if model.noise_is_small and model.equations.densities:
        yield "output_noise", model.output_noise
        if model.circuit.stability.verdict == "stable" and not any(model.direct) and model.states:
            yield "covariance", model.covariance


def _checks(model: CircuitModel, formulas: Mapping[str, Any], circuit: LinearCircuit) -> dict[str, dict[str, Any]]:
    """Largest relative difference of each formula, with the circuit's numbers, from the number found otherwise."""
    values = _long(model.values())
    middle = float(np.median(np.abs(circuit.poles))) if len(circuit.poles) else 1.0
    places = np.array([middle, _BESIDE * middle])
    f = places / (2 * np.pi)
    expected: dict[str, tuple[Any, Any]] = {}
    if "settled" in formulas:
        expected["settled"] = (formulas["settled"], circuit.settled[:, None])
    if model.sources and model.states:
        expected["state_space"] = (_by_matrices(model, places), np.vstack(list(circuit.transfer(f))))
    if "transfer" in formulas:
        put = [formulas["transfer"].subs(s, sympy.I * at) for at in places]
        expected["transfer"] = (sympy.Matrix.vstack(*put), np.vstack(list(circuit.transfer(f))))
    if "output_noise" in formulas:
        put = [formulas["output_noise"].subs(omega, at) for at in places]
        expected["output_noise"] = (sympy.Matrix.vstack(*put), circuit.psd(f).reshape(-1, 1))
    if "covariance" in formulas:
        expected["covariance"] = (formulas["covariance"], circuit.covariance())
    found = {}
    for name, (formula, number) in expected.items():
        put_in = np.array(formula.subs(values).evalf(_DIGITS).tolist(), dtype=complex).reshape(np.shape(number))
        scale = float(np.abs(number).max(initial=0.0))
        error = float(np.abs(put_in - number).max(initial=0.0)) / scale if scale > 0 else 0.0
        found[name] = {"error": error, "limit": _AGREEMENT, "holds": error <= _AGREEMENT}
    return found


def _by_matrices(model: CircuitModel, places: Float[np.ndarray, " f"]) -> sympy.Matrix:
    """Responses by the state matrices with the circuit's numbers, which are found in circuits of any size."""
    values = _long(model.values())
    C, G, B, M, D = (
        np.array(matrix.subs(values).evalf(_DIGITS).tolist(), dtype=complex).reshape(matrix.shape)
        for matrix in (model.C, model.G, model.B, model.M, model.D)
    )
    return sympy.Matrix(np.vstack([M @ np.linalg.solve(G + 1j * at * C, B) + D for at in places]))


def _numbers(circuit: LinearCircuit, band: Band | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "temperature": float(circuit.network.temperature),
        "poles": [[float(p.real), float(p.imag)] for p in circuit.poles],
        "stability": circuit.stability.verdict,
        "time_constants": circuit.time_constants.tolist(),
    }
    space = circuit.space
    found |= {"C": space.C.tolist(), "G": space.G.tolist(), "M": space.M.tolist()}
    if np.abs(circuit.poles).min(initial=np.inf) > 0:
        found["settled"] = circuit.settled.tolist()
        found["dc_gain"] = circuit.transfer(np.array([0.0]))[0].real.tolist()
    try:
        found["covariance"] = circuit.covariance(band).tolist()
        found["rms"] = np.sqrt(np.diag(circuit.covariance(band))).tolist()
        parts = circuit.variances(band)
        found["contributors"] = {n: parts[:, j].tolist() for j, n in enumerate(circuit.contributors)}
    except InfiniteVarianceError as error:
        found["infinite"] = str(error)
    if band is not None:
        found["band"] = list(band)
    try:
        found["sensitivities"] = _sensitivity_numbers(sensitivities(circuit, band))
    except ValueError as error:
        found["sensitivities_omitted"] = str(error)
    return found


def _sensitivity_numbers(found: Sensitivities) -> dict[str, dict[str, Any]]:
    rows = {}
    for j, name in enumerate(found.elements):
        row: dict[str, Any] = {
            "settled": found.settled[j].tolist(),
            "poles": [[float(p.real), float(p.imag)] for p in found.poles[j]],
        }
        if found.rms is not None:
            row["rms"] = found.rms[j].tolist()
        rows[name] = row
    return rows


def _plain(value: Any) -> str:
    return str(value.tolist() if isinstance(value, sympy.MatrixBase) else value)


@dataclass(frozen=True, eq=False)
class _Written:
    circuit: LinearCircuit
    formulas: Mapping[str, Any]
    numbers: Mapping[str, Any]
    checks: Mapping[str, Mapping[str, Any]]
    omitted: list[str]
    left_out: str

    def document(self, draw: Callable[[Any], str]) -> str:
        circuit = self.circuit
        parts = [
            f"circuit {circuit.network.name}: outputs {', '.join(circuit.labels)};"
            f" sources {', '.join(circuit.inputs) or 'none'}\n",
            f"{circuit.stability.sentence}\n",
        ]
        if len(circuit.time_constants):
            parts.append(f"time constants [s]: {', '.join(f'{t:.6g}' for t in circuit.time_constants)}\n")
        if "settled" in self.numbers:
            rest = zip(circuit.labels, self.numbers["settled"], strict=True)
            parts.append("at rest [V]: " + ", ".join(f"{n} {v:.6g}" for n, v in rest) + "\n")
        if "rms" in self.numbers:
            rms = zip(circuit.labels, self.numbers["rms"], strict=True)
            parts.append("noise [V rms]: " + ", ".join(f"{n} {v:.6g}" for n, v in rms) + "\n")
        parts += [f"{self.numbers['infinite']}\n"] if "infinite" in self.numbers else []
        for name, formula in self.formulas.items():
            if isinstance(formula, Matrix | sympy.MatrixBase) and 0 in formula.shape:
                continue
            shown = self._by_element(name, formula) if name.endswith("sensitivity") else draw(formula)
            parts.append(f"{name}: {_TITLES[name]}{self._columns(name)}\n\n{shown}\n")
        for name, check in self.checks.items():
            kind = "agrees" if check["holds"] else "DISAGREES"
            parts.append(f"{name} {kind} with the numbers to {check['error']:.1e} (limit {check['limit']:.0e})\n")
        parts += [f"left out: {self.left_out}\n"] if self.left_out else []
        if self.omitted and not self.left_out:
            parts += [f"left out, too large for this circuit or without meaning in it: {t}\n" for t in self.omitted]
        return "\n".join(parts)

    def _by_element(self, name: str, formula: Any) -> str:
        """A line for each output (of each source) and element, as a matrix of them is too wide for any page."""
        elements = [e.name for e in self.circuit.network.elements if value_of(e)]
        sources = self.circuit.inputs if name.startswith("transfer") else ("",)
        columns = [(e, source) for e in elements for source in sources]
        return "\n".join(
            f"{label}{f' from {source}' if source else ''}, {e}: {formula[i, j]}"
            for i, label in enumerate(self.circuit.labels)
            for j, (e, source) in enumerate(columns)
            if formula[i, j] != 0
        )

    def _columns(self, name: str) -> str:
        if name in ("B", "D", "transfer"):
            return f": {', '.join(self.circuit.inputs)}"
        return ""
