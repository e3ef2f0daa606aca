"""The gap that a device will reach, foreseen from its noise, bits and tolerances."""

from dataclasses import dataclass

import numpy as np

from ....circuits import ProgramError
from ...linear_algebra import LinearDevice
from ..systems import Precision, Rehearsal, precision_of
from ._interior_point import Settings, minimise
from ._quadratic_program import QuadraticProgram

REHEARSALS = 7


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What rehearsals with the device's precision came to.

    Attributes:
        precision: what is known of the device.
        relative_gap: median of the rehearsals.
        low, high: least and largest of them.
        solved: share of rehearsals that reached the tolerance.
    """

    precision: Precision
    relative_gap: float
    low: float
    high: float
    solved: float


def foresee(
    problem: QuadraticProgram,
    device: LinearDevice,
    rng: np.random.Generator,
    settings: Settings | None = None,
    rehearsals: int = REHEARSALS,
) -> Foreseen:
    """Runs the program on chips of which only tolerance, bits and noise are those of the device.

    Raises:
        ProblemError: as `minimise`.
    """
    settings = settings or Settings()
    precision = precision_of(device, settings.window, settings.kappa)
    gaps = []
    solved = 0
    for one in rng.spawn(1 if precision.exact else rehearsals):
        try:
            answer = minimise(problem, Rehearsal(precision, one), one, settings)
        except ProgramError:
            # A chip that cannot hold the first matrix stays where it starts.
            gaps.append(np.inf)
            continue
        gaps.append(answer.relative_gap)
        solved += answer.status == "solved"
    return Foreseen(precision, float(np.median(gaps)), min(gaps), max(gaps), solved / len(gaps))
