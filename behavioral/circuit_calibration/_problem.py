"""Elements and readouts as the unknowns of a least-squares problem."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy
from jaxtyping import Float, Inexact

from ...circuits import Network
from ...circuits.linear_circuits import LinearCircuit, Observed, scaled
from ._equations import Equations
from ._readout import Readout, Readouts
from ._terms import Term

_STEP = 1e-4
_MOST_STEPS = 100
_FURTHEST = 6.0
_FURTHEST_OF_A_BENCH = 20.0


@dataclass(frozen=True, eq=False)
class Problem:
    """Unknowns x: logarithms of the elements' factors, then those of the readouts, N(0, 1) each.

    Each term is compared with its own circuit, of which the same elements are unknown.
    """

    circuit: Observed
    names: tuple[str, ...]
    prior: Float[np.ndarray, " k"]
    terms: tuple[Term, ...]
    readouts: Readouts
    first: int = 0
    """Number of the first term among the records that the readouts know."""

    def only(self, k: int) -> "Problem":
        """The same unknowns, with one of the records."""
        return replace(self, terms=(self.terms[k],), first=self.first + k)

    @property
    def elements(self) -> int:
        """How many of the unknowns are elements."""
        return len(self.names)

    @property
    def priors(self) -> Float[np.ndarray, " p"]:
        """Standard deviations of x a priori."""
        return np.concatenate([self.prior, np.ones(self.readouts.size)])

    def network(self, x: Float[np.ndarray, " p"], of: Observed | None = None) -> Network:
        """A circuit with the elements of x."""
        factors = dict(zip(self.names, np.exp(x[: self.elements]).tolist(), strict=True))
        return scaled((of or self.circuit).network, factors)

    def predictions(self, x: Float[np.ndarray, " p"]) -> list[Inexact[np.ndarray, "..."]]:
        """What the equations say of each record."""
        delay = self.readouts.time_zero(x[self.elements :])
        known: dict[int, Equations] = {}
        found = []
        for term in self.terms:
            if id(term.circuit) not in known:
                network = self.network(x, term.circuit)
                known[id(term.circuit)] = Equations(LinearCircuit.of(network, self.circuit.labels))
            found.append(term.predicted(known[id(term.circuit)], delay))
        return found

    def weighed(self, x: Float[np.ndarray, " p"]) -> "Problem":
        """The same problem with the scatter that spectra have at x."""
        pairs = zip(self.terms, self.predictions(x), self._readouts(x), strict=True)
        return replace(self, terms=tuple(term.weighed(seen, readout) for term, seen, readout in pairs))

    def parts(self, x: Float[np.ndarray, " p"]) -> list[Float[np.ndarray, " rows"]]:
        """Residuals of each record in their errors."""
        everything = zip(self.terms, self.predictions(x), self._readouts(x), strict=True)
        return [term.residual(seen, readout) for term, seen, readout in everything]

    def residual(self, x: Float[np.ndarray, " p"]) -> Float[np.ndarray, " rows"]:
        """Residuals of the records, then of the priors."""
        return np.concatenate([*self.parts(x), -x / self.priors])

    def jacobian(self, x: Float[np.ndarray, " p"]) -> Float[np.ndarray, "rows p"]:
        """Derivatives of the residual: of elements and delay through the equations, of other readouts without them."""
        columns = [self._column(x, k) for k in range(self.elements)]
        predictions = self.predictions(x)
        for k in range(self.readouts.size):
            if self.readouts.names[k] == "trigger_delay":
                columns.append(self._of_delay(x, self.elements + k))
            else:
                columns.append(np.concatenate(list(self._of_readout(x, k, predictions))))
        data = np.column_stack(columns)
        return np.vstack([data, np.diag(-1 / self.priors)])

    def _column(self, x: Float[np.ndarray, " p"], k: int) -> Float[np.ndarray, " rows"]:
        step = np.zeros(len(x))
        step[k] = _STEP
        after = self.parts(x + step)
        before = self.parts(x - step)
        return np.concatenate([(b - a) / (2 * _STEP) for a, b in zip(before, after, strict=True)])

    def _of_delay(self, x: Float[np.ndarray, " p"], k: int) -> Float[np.ndarray, " rows"]:
        """Only transients know a time."""
        found = [np.zeros(term.size) for term in self.terms]
        for record, term in enumerate(self.terms):
            if term.kind == "tran":
                found[record] = self.only(record)._column(x, k)
        return np.concatenate(found)

    def _of_readout(
        self, x: Float[np.ndarray, " p"], k: int, predictions: Sequence[Inexact[np.ndarray, "..."]]
    ) -> Iterator[Float[np.ndarray, " rows"]]:
        step = np.zeros(self.readouts.size)
        step[k] = _STEP
        u = x[self.elements :]
        for record, (term, seen) in enumerate(zip(self.terms, predictions, strict=True), start=self.first):
            if not self.readouts.concerns(k, record):
                yield np.zeros(term.size)
                continue
            after = term.residual(seen, self.readouts.at(u + step, record))
            before = term.residual(seen, self.readouts.at(u - step, record))
            yield (after - before) / (2 * _STEP)

    def _readouts(self, x: Float[np.ndarray, " p"]) -> list[Readout]:
        u = x[self.elements :]
        return [self.readouts.at(u, record) for record in range(self.first, self.first + len(self.terms))]

    def solved(self) -> tuple["Problem", Float[np.ndarray, " p"]]:
        """The minimum within `_FURTHEST` standard deviations of the tolerances, weighed there.

        Beyond, it is another circuit. The scatter of spectra is that of the nominal circuit first, then of the fit, so
        that no weight knows the errors of what it weighs.
        """
        furthest = np.where(np.arange(len(self.priors)) < self.elements, _FURTHEST, _FURTHEST_OF_A_BENCH) * self.priors
        x = np.zeros(len(self.priors))
        problem = self.weighed(x)
        again = any(new is not old for new, old in zip(problem.terms, self.terms, strict=True))
        for _ in range(2 if again else 1):
            found = scipy.optimize.least_squares(
                problem.residual,
                x,
                problem.jacobian,
                bounds=(-furthest, furthest),
                x_scale=self.priors,
                max_nfev=_MOST_STEPS,
            )
            x = np.asarray(found.x)
            problem = problem.weighed(x)
        return problem, x
