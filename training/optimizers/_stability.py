"""What is done about a loop that would ring up: training goes on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from ...files.arguments import check_choice
from .._exceptions import UnstableLoop
from .._types import Vector
from ..curvature import AnyFactors
from ..devices import DECAY
from ..devices.chips import SaturatedDevice
from ..solvers import Solution, Solver

Unstable = Literal["raise-damping", "shorten-t", "stop"]
"""What a step does about a loop with a growing mode; see `TNGD`."""

RAISED = 1.5
"""By what the added damping is multiplied as long as the loop is unstable."""
FADING = 0.98
"""What is left of it after a stable step: at the edge it is raised about once in 20 steps."""
ATTEMPTS = 40
"""Of one step, to more than 10^7 times the damping: then the loop has another fault."""
_LEAST = 1e-6
"""Of what is added [1/tau], where there was no damping at all."""
SHORTENED = 0.9
"""Part of the longest time that a loop bears, in which it is run."""


@runtime_checkable
class Looped(Protocol):
    """A solver with a loop whose flaws may make it ring up, and whose damping can be set anew, as `DeviceSPU`."""

    def check_decay(self, state: Any, part: float) -> None: ...

    def redamped(self, state: Any, damping: float) -> Any: ...


@dataclass(frozen=True, slots=True, eq=False)
class Relaxed:
    """A solution, and with which program and time it was found."""

    solution: Solution[Vector]
    program: AnyFactors
    loaded: Any


@dataclass(slots=True)
class Stability:
    """The policy of an optimiser, and where it stands.

    added: damping above what was asked for. steps: in which the policy acted. runs: of a device that rang up.
    """

    unstable: Unstable
    added: float = 0.0
    steps: int = 0
    runs: int = 0

    def relaxed(self, solver: Solver, program: AnyFactors, b: Vector, x0: Vector | None, warm: bool) -> Relaxed:
        """Load the program and solve; raises UnstableLoop where the policy is to stop, or does not help.

        warm: x0 is the last readout, so that a mode that hardly grows in one step does in many. A mode that decays
        at s answers a drive by up to 1/s, and the program that was asked for by no more than 1/damping: asked is half
        of that damping, which what is added does not change. Half of the raised one would be a demand that rises with
        each raise, in the end beyond the poles of the amplifiers.
        """
        loaded = solver.init(program)
        asked = max(program.damping - self.added, 0.0)  # less than nothing by rounding alone
        if not isinstance(solver, Looped):
            return Relaxed(solver.compute(loaded, b, x0), program, loaded)
        before = self.runs
        while True:
            try:
                if warm:
                    solver.check_decay(loaded, DECAY * (asked / program.damping if program.damping else 1.0))
                return Relaxed(solver.compute(loaded, b, x0), program, loaded)
            except (UnstableLoop, SaturatedDevice) as error:
                if self.unstable == "stop" or self.runs - before >= ATTEMPTS:
                    raise
                if self.unstable == "shorten-t":
                    if isinstance(error, SaturatedDevice):
                        raise  # what the amplifiers cannot hold they cannot hold for a shorter time
                    self.runs += 1
                    # from the gradient: what has grown in the last steps is forgotten
                    t = min(getattr(solver, "t", math.inf), SHORTENED * error.longest)
                    solution = self.asked(solver, loaded, b, b if warm else x0, t)
                    return Relaxed(solution, program, loaded)
                program = program.with_damping(program.damping + self.raise_damping(program.damping))
                loaded = solver.redamped(loaded, program.damping)

    def asked(
        self, solver: Solver, loaded: Any, b: Vector, x0: Vector | None, t: float | None = None
    ) -> Solution[Vector]:
        """What a loaded program answers after t, or after the time that its loop bears."""
        before = self.runs
        while True:
            try:
                solution = solver.compute(loaded, b, x0, t)
            except UnstableLoop as error:
                if self.unstable == "stop" or self.runs - before >= ATTEMPTS or not math.isfinite(error.longest):
                    raise
                self.runs += 1
                t = SHORTENED * (error.longest if t is None else min(t, error.longest))
            else:
                return solution

    def raise_damping(self, damping: float) -> float:
        """By how much more, after a run that rang up with this damping."""
        last = self.added
        # of what has faded as good as nothing would come
        self.added = max(RAISED * last, (RAISED - 1.0) * damping, _LEAST)
        self.runs += 1
        return self.added - last

    def settle(self, runs: int) -> None:
        """After a step that began with so many `runs`."""
        acted = self.runs > runs
        self.steps += acted
        self.added = self.added if acted else FADING * self.added

    def stats(self) -> dict[str, float]:
        return {"policy_acted": float(self.steps), "unstable_runs": float(self.runs), "added_damping": self.added}

    def load(self, stats: Mapping[str, float]) -> None:
        """Go on where `stats` was told; all zero where it says nothing."""
        self.steps = int(stats.get("policy_acted", 0))
        self.runs = int(stats.get("unstable_runs", 0))
        self.added = stats.get("added_damping", 0.0)


def check_unstable(name: str, unstable: str) -> None:
    check_choice(name, "unstable", unstable, get_args(Unstable))
