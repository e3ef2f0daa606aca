"""What a quadratic program came to, and what that is worth."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from ..systems import Bill

Status = Literal["solved", "infeasible", "unbounded", "imprecise"]


@dataclass(frozen=True, slots=True)
class History:
    """One iteration of the interior point, in scaled units.

    Attributes:
        mu: mean product of a slack and its multiplier.
        gap: as `QuadraticAnswer.relative_gap`.
        primal_residual, dual_residual: of the constraints and of the gradient, over the sizes of their terms.
        step: of the Newton direction that was taken.
        condition: of `H`, unscaled; how much slower than its fastest mode a device would settle with it.
        scaled_condition: of `D H D`, which is what the device holds.
        conductance_range: largest over smallest entry of H that is not zero: what conductances would have to span.
        newton_residual: what was left of the Newton system, relative.
        drives: of the device.
        analog_s: its time [s].
    """

    mu: float
    gap: float
    primal_residual: float
    dual_residual: float
    step: float
    condition: float
    scaled_condition: float
    conductance_range: float
    newton_residual: float
    drives: int
    analog_s: float


@dataclass(frozen=True, eq=False)
class QuadraticAnswer:
    """The best iterate with certificates that the digital side computes from the problem's own numbers.

    Attributes:
        status: `solved`: residuals and gap are within the tolerance; `infeasible` or `unbounded`: with a certificate;
            `imprecise`: the device came no further.
        reason: one line.
        x: the minimiser as far as it was found; where there is none, the ray along which the objective falls.
        y, z_lower, z_upper: multipliers of the rows of A and then of G, and of the bounds; where nothing is feasible,
            of the combination of rows that cannot hold.
        objective: at x.
        dual_objective: of the multipliers: no feasible point has a lower objective, up to the residuals.
        gap: no less than `|objective - dual_objective|`, in units of the objective: products of slacks and
            multipliers, and residuals times what they are multiplied with, all taken as positive. The objective is
            no further from the lowest one.
        relative_gap: over the larger of both objectives and the problem's own unit.
        primal_residual, dual_residual: largest, over the sizes of their terms.
        x_error: bound on the distance of x from the minimiser, `sqrt(2 gap/a)` with the smallest eigenvalue a of Q;
            infinite where Q has a zero one.
        bill: what it cost.
        history: iteration by iteration.
    """

    status: Status
    reason: str
    x: Float[np.ndarray, " n"]
    y: Float[np.ndarray, " rows"]
    z_lower: Float[np.ndarray, " n"]
    z_upper: Float[np.ndarray, " n"]
    objective: float
    dual_objective: float
    gap: float
    relative_gap: float
    primal_residual: float
    dual_residual: float
    x_error: float
    bill: Bill
    history: tuple[History, ...]

    @property
    def iterations(self) -> int:
        """Newton steps."""
        return len(self.history)
