"""Whether an iterative solver has found what it was asked for."""

import warnings
from typing import Any

from .._exceptions import Diverged
from ..solvers import Solution


def refuse_unsolved(name: str, solver: Any, solution: Solution[Any]) -> None:
    """Raises Diverged for an answer that is no nearer than zero; warns of one that is nearer, but not as near as asked.

    An answer stopped on the way is a descent direction all the same, and what truncated Newton methods step by.
    """
    residual = solution.stats.get("residual", 0.0)
    if solution.stats.get("converged", 1.0) or residual != residual:  # what is no number is refused as a direction
        return
    said = f"{name}: {type(solver).__name__} did not converge in {solution.stats.get('iterations', 0):.0f} iterations"
    if residual >= 1.0:
        raise Diverged(
            f"{said}: the residual is {residual:.3g} times the gradient; raise the damping or max_iterations; the "
            "parameters are those before this step"
        )
    warnings.warn(
        f"{said}, so its steps are approximate (stats: residual); raise max_iterations, tol or the damping",
        stacklevel=3,
    )
