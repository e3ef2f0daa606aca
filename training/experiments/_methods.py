"""Methods by name: an optimiser with its solver, what it takes, and whose tuned values it shares."""

from collections.abc import Mapping
from typing import Any

from ._optimizer_kinds import OPTIMIZER_KINDS, OptimizerKind
from ._solver_kinds import SOLVER_KINDS, SolverKind
from .search import Space

OPTIMIZERS = tuple(OPTIMIZER_KINDS)
SOLVERS = tuple(SOLVER_KINDS)

# The solver that K-FAC takes by itself: its programs are small and dense.
_DEFAULT_FOR_LAYERS = "cholesky"


def _solvers_for_layers() -> tuple[str, ...]:
    able = [name for name, kind in SOLVER_KINDS.items() if kind.layer_settings is not None]
    return tuple(sorted(able, key=lambda name: name != _DEFAULT_FOR_LAYERS))


def _solvers_of(optimizer: str) -> tuple[str, ...]:
    return SOLVERS if OPTIMIZER_KINDS[optimizer].steps == "curvature" else _solvers_for_layers()


# Solvers by optimiser, the one that it takes by itself first.
SOLVERS_OF: Mapping[str, tuple[str, ...]] = {
    name: _solvers_of(name) for name, kind in OPTIMIZER_KINDS.items() if kind.steps != "gradient"
}


def method_of(optimizer: str, solver: str | None) -> str:
    """The name of a method.

    The solver for TNGD, optimiser and solver for K-FAC, and the optimiser alone where it solves nothing.
    """
    if optimizer not in SOLVERS_OF:
        return optimizer
    solver = solver or default_solver(optimizer)
    return solver if optimizer == "tngd" else f"{optimizer}-{solver}"


def default_solver(optimizer: str) -> str:
    """The solver that `tngd` or `kfac` takes when it is given none."""
    return SOLVERS_OF[optimizer][0]


def fields_of_method(name: str) -> dict[str, str | None]:
    """Optimiser and solver of a method's name; any other name is taken for a solver of TNGD."""
    if name in OPTIMIZERS:
        return {"optimizer": name, "solver": None}
    optimizer, _, solver = name.partition("-")
    if optimizer == "kfac":
        return {"optimizer": "kfac", "solver": solver}
    return {"optimizer": "tngd", "solver": name}


def _settings_of(optimizer: str, solver: SolverKind) -> tuple[str, ...]:
    kind = OPTIMIZER_KINDS[optimizer]
    own = solver.settings if kind.steps == "curvature" else solver.layer_settings or ()
    return (*kind.settings, *own)


# The settings that mean something to each method.
SETTINGS: Mapping[str, tuple[str, ...]] = {
    **{name: kind.settings for name, kind in OPTIMIZER_KINDS.items() if name not in SOLVERS_OF},
    **{
        method_of(optimizer, solver): _settings_of(optimizer, SOLVER_KINDS[solver])
        for optimizer in SOLVERS_OF
        for solver in SOLVERS_OF[optimizer]
    },
}
EVERY_SETTING = tuple(dict.fromkeys(name for names in SETTINGS.values() for name in names))


def applies(setting: str, optimizer: str, solver: str | None) -> bool:
    """Whether a field of an experiment means something to an optimiser with one of its solvers."""
    if setting == "solver":
        return optimizer in SOLVERS_OF
    if setting not in EVERY_SETTING:
        return True
    # Of a method that nobody knows every setting is kept: the error then names the method alone.
    return setting in SETTINGS.get(method_of(optimizer, solver), EVERY_SETTING)


def _tuned_as() -> dict[str, str]:
    shared = {name: kind.tuned_as for name, kind in SOLVER_KINDS.items() if kind.tuned_as}
    return {**shared, **{method_of("kfac", solver): "kfac" for solver in SOLVERS_OF["kfac"]}}


# Methods that take what was tuned for another; only the first of each kind is tuned.
TUNED_AS: Mapping[str, str] = _tuned_as()


def names_of_tunings(method: str, correction: str | None) -> tuple[str, ...]:
    """Names under which a table has settings for a method, the first of which wins.

    What only a bare chip bears comes first; corrected it takes what the method that it is like was tuned to.
    """
    shared = TUNED_AS.get(method, method)
    return (method, shared) if correction in (None, "none") else (shared,)


_KINDS: Mapping[str, OptimizerKind | SolverKind] = {**OPTIMIZER_KINDS, **SOLVER_KINDS}

# What each tuned method takes on a task that it was not tuned for.
GENERAL: Mapping[str, Mapping[str, Any]] = {name: kind.defaults for name, kind in _KINDS.items() if kind.defaults}

# What tuning searches for each method that is tuned.
RANGES: Mapping[str, Space] = {name: kind.search for name, kind in _KINDS.items() if kind.search}
