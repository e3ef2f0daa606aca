"""The symbolic model of a topology as text, LaTeX and a summary."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Matrix

from ..circuits import Level, Topology, symbolic
from ..circuits.symbolic import SymbolicModel

# Formulas grow without bound with the circuit: each is given up to a number of states (a crossbar at level macro
# has several for each cell) at which it is still found in seconds and read by a person.
_LARGEST: Mapping[str, int] = {"settled": 3, "transfer": 3, "output_noise": 2, "stationary_covariance": 2}
_TITLES = {
    "settled": "settled readouts v [V]",
    "transfer": "transfer functions from each drive to each readout",
    "output_noise": "one-sided cross density of the readouts [V^2/Hz], by angular frequency omega",
    "stationary_covariance": "stationary covariance of the states [V^2]",
}
_PROVED = 32
"""Proofs are checked up to this many states."""


@dataclass(frozen=True, slots=True)
class Formulas:
    """What was found, in three forms; `holds` is whether every claim was proved."""

    text: str
    latex: str
    summary: dict[str, Any]
    holds: bool


def analyse(topology: Topology, level: Level) -> Formulas:
    """Matrices of any size, formulas of small circuits, proofs at level ideal."""
    model = symbolic.state_space(topology, level)
    found = {**_matrices(model), **_formulas(model)}
    proved = symbolic.proofs(model) if level == "ideal" and len(model.states) <= _PROVED else ()
    claims = [{"name": p.name, "claim": p.claim, "holds": p.holds} for p in proved]
    omitted = [_TITLES[name] for name, largest in _LARGEST.items() if len(model.states) > largest]
    summary = {
        "topology": topology.name,
        "level": level,
        "size": topology.n,
        "states": model.states,
        "expressions": {name: str(matrix.tolist()) for name, (_, matrix) in found.items()},
        "proofs": claims,
        "omitted": omitted,
    }
    text = _document(found, claims, omitted, lambda matrix: sympy.pretty(matrix, wrap_line=False, use_unicode=True))
    latex = _document(found, claims, omitted, lambda matrix: f"\\[ {sympy.latex(matrix)} \\]")
    return Formulas(text, latex, summary, all(claim["holds"] for claim in claims))


def _matrices(model: SymbolicModel) -> dict[str, tuple[str, Matrix]]:
    return {
        "F": ("drift F = C^-1 G [1/s], of dstate = -F (state - settled) dt", model.F),
        "drive": ("drive [A]", model.drive),
        "Q": ("diffusion Q = C^-1 S C^-1 [V^2/s]", model.Q),
        "M": ("readouts v = M state", model.M),
    }


def _formulas(model: SymbolicModel) -> dict[str, tuple[str, Matrix]]:
    small = [name for name, largest in _LARGEST.items() if len(model.states) <= largest]
    return {name: (_TITLES[name], getattr(model, name)()) for name in small}


def _document(
    found: Mapping[str, tuple[str, Matrix]],
    claims: list[dict[str, Any]],
    omitted: list[str],
    write: Callable[[Matrix], str],
) -> str:
    parts = [f"{name}: {title}\n\n{write(matrix)}\n" for name, (title, matrix) in found.items()]
    parts += [f"proved: {c['claim']}\n" if c["holds"] else f"NOT PROVED: {c['claim']}\n" for c in claims]
    parts += [f"left out, too large for this circuit: {title}\n" for title in omitted]
    return "\n".join(parts)
