"""A primal-dual interior point whose Newton systems are solved by a device (Mehrotra, SIAM J. Optim. 2, 1992)."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ....circuits import ProgramError
from ..._exceptions import LinearAlgebraError, ProblemError
from ...linear_algebra import LinearDevice
from ..systems import WINDOW, Bench, Bill, Rehearsal
from ._answer import History, QuadraticAnswer
from ._certificates import Verdict, answer, certificate, without_solution
from ._newton import Direction, NewtonSystem
from ._point import Point, Residuals, first_point
from ._quadratic_program import QuadraticProgram
from ._standard_form import StandardForm, standard_form

_PROXIMAL = 1e-8
"""On the diagonal of H, in scaled units: a step is pulled back to where it starts from, the solution is not moved."""

_BACK = 0.995
"""Part of the way to the nearest bound that a step takes."""

_LANDING = 0.5
"""Part of the tolerance that the products of slacks and multipliers aim for: beyond it a device would only settle
more slowly, for digits that nobody asked for. A run that ends well has a gap between it and the tolerance, so that
two of them differ by a factor of two at most."""

_PATIENCE = 15
"""Iterations without a better iterate after which the device is taken to be too imprecise."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How far to go, and how the device is used.

    Attributes:
        tolerance: of gap and residuals, relative.
        rounds: answers of the device to one right-hand side at most, each to what the last ones left; one takes
            the device as it is.
        iterations: Newton steps at most.
        window: of each readout, in slowest time constants.
        kappa: strength of injected noise [V^2].

    Raises:
        ProblemError: a setting that is not positive, or a tolerance beyond one.
    """

    tolerance: float = 1e-6
    rounds: int = 8
    iterations: int = 100
    window: float = WINDOW
    kappa: float = 0.0

    def __post_init__(self) -> None:
        if not 1e-14 <= self.tolerance < 1:
            raise ProblemError(f"tolerance: expected a number from 1e-14 to 1, got {self.tolerance}")
        for name in ("rounds", "iterations"):
            if not 1 <= getattr(self, name) <= 10_000:
                raise ProblemError(f"{name}: expected a whole number from 1 to 10000, got {getattr(self, name)}")
        if not 0 < self.window < np.inf:
            raise ProblemError(f"window: expected a positive number of time constants, got {self.window}")
        if not 0 <= self.kappa < np.inf:
            raise ProblemError(f"kappa: expected a noise strength in V^2 of at least 0, got {self.kappa}")


def minimise(
    problem: QuadraticProgram,
    device: LinearDevice | Rehearsal,
    rng: np.random.Generator,
    settings: Settings | None = None,
) -> QuadraticAnswer:
    """The minimiser of a convex quadratic program, its Newton systems solved by a device.

    Every certificate is computed digitally from the problem's own numbers, so that it holds whatever the device does.

    Args:
        problem: what is minimised.
        device: with a cell for each variable at least, slacks of inequalities included.
        rng: source of the noise.
        settings: how far to go.

    Raises:
        ProblemError: the device has too few cells.
        ProgramError: the device cannot hold any matrix of the problem.
    """
    settings = settings or Settings()
    form = standard_form(problem)
    bench = Bench(device, rng, settings.window, settings.kappa)
    if form.inconsistent:
        return without_solution(problem, form, Verdict("infeasible", "bounds or rows contradict each other"), bench)
    point = first_point(form)
    search = _Search(form, bench, settings, [], point, np.inf, 0, point.x)
    verdict = search.run(point)
    if verdict.status in ("infeasible", "unbounded"):
        return without_solution(problem, form, verdict, bench, tuple(search.history))
    return answer(problem, form, search.best, verdict, bench, tuple(search.history))


@dataclass(eq=False)
class _Search:
    """The iterations: what they have come to so far."""

    form: StandardForm
    bench: Bench
    settings: Settings
    history: list[History]
    best: Point
    best_miss: float
    waited: int
    last: Float[np.ndarray, " n"]

    def run(self, point: Point) -> Verdict:
        for _ in range(self.settings.iterations):
            residuals = Residuals.of(self.form, point)
            if verdict := self._judged(point, residuals):
                return verdict
            try:
                moved = self._step(point, residuals)
            except (ProgramError, LinearAlgebraError) as error:
                if not self.history:
                    raise
                return Verdict("imprecise", f"the device cannot hold the matrix any more: {error}")
            self.last = point.x
            point = moved
        residuals = Residuals.of(self.form, point)
        return self._judged(point, residuals) or Verdict(
            "imprecise", f"{self.settings.iterations} iterations were not enough"
        )

    def _judged(self, point: Point, residuals: Residuals) -> Verdict | None:
        miss = residuals.worst
        if miss <= self.settings.tolerance:
            self.best = point
            return Verdict("solved", "residuals and gap are within the tolerance")
        if found := certificate(self.form, point, point.x - self.last):
            return found
        # The first iterates may grow worse while they become feasible.
        if miss < 0.9 * self.best_miss:
            self.best = point
            self.best_miss = miss
            self.waited = 0
            return None
        self.waited += 1
        if self.waited > _PATIENCE:
            return Verdict("imprecise", f"no better iterate in {_PATIENCE} steps: the device is too imprecise")
        return None

    def _step(self, point: Point, residuals: Residuals) -> Point:
        form = self.form
        before = replace(self.bench.bill)
        barrier = point.barrier(form)
        H = form.Q + np.diag(barrier + _PROXIMAL)
        system = NewtonSystem.load(self.bench, H, form.A, self.settings.rounds)
        mu = point.mu(form)

        lower, upper = point.products(form)
        straight = self._direction(system, point, residuals, lower, upper)
        target, bent = self._target(point, straight, mu)
        lower_bent = lower + bent[0] - target * form.has_lower
        upper_bent = upper + bent[1] - target * form.has_upper
        direction = self._direction(system, point, residuals, lower_bent, upper_bent)
        move = point.move(form, direction.dx, direction.dy, lower_bent, upper_bent, direction.rest, target)
        length = min(1.0, _BACK * point.longest(form, move))
        self.history.append(self._row(residuals, mu, length, H, direction, before))
        return point.moved(move, length)

    def _direction(
        self,
        system: NewtonSystem,
        point: Point,
        residuals: Residuals,
        lower: Float[np.ndarray, " n"],
        upper: Float[np.ndarray, " n"],
    ) -> Direction:
        v, w = point.slacks(self.form)
        f = -residuals.dual - lower / v + upper / w
        exact = min(1e-4, self.settings.tolerance)
        return system.solve(f, -residuals.primal, self.settings.rounds, exact)

    def _target(
        self, point: Point, straight: Direction, mu: float
    ) -> tuple[float, tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]]:
        """What the products shall come to, and what the straight direction bends away (Mehrotra's corrector)."""
        form = self.form
        nothing = np.zeros(len(form.c))
        if form.bounds == 0:
            return 0.0, (nothing, nothing)
        lower, upper = point.products(form)
        move = point.move(form, straight.dx, straight.dy, lower, upper, straight.rest, 0.0)
        length = min(1.0, point.longest(form, move))
        reached = point.moved(move, length).mu(form)
        sigma = min(1.0, max(reached / mu, 0.0) ** 3)
        wanted = _LANDING * self.settings.tolerance * Residuals.of(form, point).size / form.bounds
        bent_lower = np.where(form.has_lower, move.x * move.z_lower, 0.0)
        bent_upper = np.where(form.has_upper, -move.x * move.z_upper, 0.0)
        return max(sigma * mu, min(mu, wanted)), (bent_lower, bent_upper)

    def _row(
        self,
        residuals: Residuals,
        mu: float,
        length: float,
        H: Float[np.ndarray, "n n"],
        direction: Direction,
        before: Bill,
    ) -> History:
        d = 1 / np.sqrt(np.diag(H))
        entries = np.abs(H[H != 0])
        bill = self.bench.bill
        return History(
            mu,
            residuals.gap,
            residuals.primal_size,
            residuals.dual_size,
            length,
            float(np.linalg.cond(H)),
            float(np.linalg.cond(np.outer(d, d) * H)),
            float(entries.max() / entries.min()),
            direction.residual,
            bill.drives - before.drives,
            bill.analog_s - before.analog_s,
        )
