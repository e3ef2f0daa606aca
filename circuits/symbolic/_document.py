"""The symbolic model of a topology as text, LaTeX and a summary."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Matrix

from ...files.forecasts import Forecast
from .. import symbolic
from ..topologies import Level, Topology
from ._model import SymbolicModel
from ._stability import StabilityLimit

# Formulas grow without bound with the circuit: each is given up to a number of states (a crossbar at level macro
# has several for each cell) at which it is still found in seconds and read by a person.
_LARGEST: Mapping[str, int] = {
    "settled": 3,
    "transfer": 3,
    "output_noise": 2,
    "stationary_covariance": 2,
    "sensitivity": 2,
}
_TITLES = {
    "settled": "settled readouts v [V]",
    "transfer": "transfer functions from each drive to each readout",
    "output_noise": "one-sided cross density of the readouts [V^2/Hz], by angular frequency omega",
    "stationary_covariance": "stationary covariance of the states [V^2]",
    "sensitivity": "change of the settled readouts [V] for a relative change of each component",
}
_MOST_TERMS = 16
"""Of all conductances together; an inverse multiplies them (two cells of a cascade have 18)."""
_INVERTED = 3
"""States with coupled capacitances up to which C^-1 is written out."""
_PROVED = 96
"""Proofs are checked up to this many states."""

_SECONDS: Mapping[Level, float] = {"ideal": 2.3e-3, "macro": 9e-3, "transistor": 9e-3}
"""For each entry, by `benchmarks/bench_growth.py`."""

_FACTORED = 12
"""A cascade with more rows, of states and stages, keeps its arrays apart."""

_WIDEST = 12
"""Columns of a matrix that is written as one."""

_LOOP = "characteristic polynomial of one mode with amplifiers omega_t/s and noise gains gamma"
_ONSET = "angular gain-bandwidth omega_t below which the loop rings up [rad/s], to lowest order in 1/(omega_t tau)"
_NO_LIMIT = "stability: no limit; there is no loop through the amplifiers"


@dataclass(frozen=True, slots=True)
class Formulas:
    """What was found, in three forms; `holds` is whether every claim was proved."""

    text: str
    latex: str
    summary: dict[str, Any]
    holds: bool


def forecast(topology: Topology, level: Level) -> Forecast:
    """Of `analyse`, which writes the matrices out, entry by entry."""
    # Formulas take time before they take memory.
    return Forecast(_SECONDS[level] * topology.n**2)


def analyse(topology: Topology, level: Level) -> Formulas:
    """Matrices of any size, formulas of small circuits, proofs at level ideal."""
    model = symbolic.state_space(topology, level)
    found, limit = {**_matrices(model), **_formulas(model)}, symbolic.stability(topology)
    proved = symbolic.proofs(model) if level == "ideal" and len(model.states) <= _PROVED else ()
    claims = [{"name": p.name, "claim": p.claim, "holds": p.holds} for p in proved]
    omitted = [_TITLES[name] for name in _LARGEST if name not in found]
    summary = {
        "topology": topology.name,
        "level": level,
        "size": topology.n,
        "states": model.states,
        "expressions": {name: str(matrix.tolist()) for name, (_, matrix) in found.items()},
        "stability": None if limit is None else {k: str(getattr(limit, k)) for k in ("loop", "hurwitz", "onset")},
        "proofs": claims,
        "omitted": omitted,
    }
    if "sensitivity" in found:
        summary["components"] = symbolic.sensitivity(model).components
    text = _document(found, limit, claims, omitted, _drawn)
    latex = _document(found, limit, claims, omitted, lambda e: f"\\[ {sympy.latex(e)} \\]")
    return Formulas(text, latex, summary, all(claim["holds"] for claim in claims))


def _matrices(model: SymbolicModel) -> dict[str, tuple[str, Matrix]]:
    if model.blocks.G.cols > max(len(model.states), _FACTORED):
        # Products of three arrays fill pages; the arrays themselves do not.
        return {
            "G": (
                "C dstate/dt and the currents left at the stages' virtual grounds: -G (state, stages)",
                model.blocks.G,
            ),
            "drive": ("drive [A]", model.drive),
            "M": ("readouts v = M state", model.M),
        }
    if not model.C.is_diagonal() and len(model.states) > _INVERTED:
        # The inverse of coupled capacitances fills pages.
        return {
            "C": ("C dstate/dt = -G state + drive + noise [F, or H]", model.C),
            "G": ("G [1/ohm, or ohm]", model.G),
            "drive": ("drive [A]", model.drive),
            "noise": ("noise [A^2/Hz], two-sided", model.noise),
            "M": ("readouts v = M state", model.M),
        }
    return {
        "F": ("drift F = C^-1 G [1/s], of dstate = -F (state - settled) dt", model.F),
        "drive": ("drive [A]", model.drive),
        "Q": ("diffusion Q = C^-1 S C^-1 [V^2/s]", model.Q),
        "M": ("readouts v = M state", model.M),
    }


def _formulas(model: SymbolicModel) -> dict[str, tuple[str, Matrix]]:
    states = len(model.states)
    if states > max(_LARGEST.values()) or sum(len(sympy.Add.make_args(entry)) for entry in model.G) > _MOST_TERMS:
        return {}
    return {name: _formula(model, name) for name, largest in _LARGEST.items() if states <= largest}


def _formula(model: SymbolicModel, name: str) -> tuple[str, Matrix]:
    if name != "sensitivity":
        return _TITLES[name], getattr(model, name)()
    found = symbolic.sensitivity(model)
    return f"{_TITLES[name]}: {', '.join(found.components)}", found.values


def _drawn(expression: Any) -> str:
    """As it would be written by hand; the entries that are not zero, line by line, of what is too wide for a page."""
    if isinstance(expression, sympy.MatrixBase) and expression.cols > _WIDEST:
        rows, columns = range(expression.rows), range(expression.cols)
        entries = ((i, j, expression[i, j]) for i in rows for j in columns)
        return "\n".join(f"[{i}, {j}]  {entry}" for i, j, entry in entries if entry != 0)
    return str(sympy.pretty(expression, wrap_line=False, use_unicode=True))


def _document(
    found: Mapping[str, tuple[str, Matrix]],
    limit: StabilityLimit | None,
    claims: list[dict[str, Any]],
    omitted: list[str],
    write: Callable[[Any], str],
) -> str:
    parts = [f"{name}: {title}\n\n{write(matrix)}\n" for name, (title, matrix) in found.items()]
    if limit is None:
        parts.append(f"{_NO_LIMIT}\n")
    else:
        parts += [f"loop: {_LOOP}\n\n{write(limit.loop)}\n", f"onset: {_ONSET}\n\n{write(limit.onset)}\n"]
    parts += [f"proved: {c['claim']}\n" if c["holds"] else f"NOT PROVED: {c['claim']}\n" for c in claims]
    parts += [f"left out, too large for this circuit: {title}\n" for title in omitted]
    return "\n".join(parts)
