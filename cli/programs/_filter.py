"""Kalman filters: posed, run, and told."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from ...behavioral.linear_algebra import LinearDevice
from ...behavioral.programs.bayesian import StateModel, exact_filter, kalman
from ...files.tables import read_matrix
from ...reports.programs import band
from .._exceptions import InputError
from ._default_data import track
from ._inputs import Given, number_of, together
from ._outcome import SHARE_95, WINDOW, Outcome, beside_exact, by_lapack_with_inverse, cost, relative

_MOST_ROWS = 6


@dataclass(frozen=True, eq=False)
class Filter:
    """`--problem kalman`."""

    model: StateModel
    observations: Float[np.ndarray, "steps k"]
    window: float

    @classmethod
    def posed(cls, given: Given, rng: np.random.Generator) -> "Filter":
        """The filter from files, or a body that moves in a plane.

        Raises:
            InputError: some of the files without the others.
        """
        window = number_of(given, "duration", WINDOW)
        names = ("data", "transition", "process_noise", "observation", "measurement_noise")
        if not together(given, "kalman", *names):
            if given["size"] is not None:
                raise InputError("--size: a state has the size of its --transition; the built-in track has four cells")
            return cls(*track(rng), window)
        Y, F, Q, H, R = (read_matrix(given[name]) for name in names)
        model = StateModel(F, Q, H, R, np.zeros(len(F)), np.eye(len(F)))
        return cls(model, Y, window)

    @property
    def cells(self) -> int:
        """Entries of the state."""
        return len(self.model.m)

    def run(self, device: LinearDevice, rng: np.random.Generator) -> Outcome:
        """Run it on a device."""
        answer = kalman(self.model, self.observations, device, rng, self.window)
        means, covariances = exact_filter(self.model, self.observations)
        spread = _standard_deviations(answer.covariances)
        names = [f"state {k}, last step" for k in range(min(self.cells, _MOST_ROWS))]
        error = np.full(self.cells, answer.mean_errors[-1])
        exact_spread = _standard_deviations(covariances)
        steps = np.arange(len(means), dtype=float)
        return Outcome(
            summary={
                "n": self.cells,
                "steps": len(means),
                "value": answer.means.tolist(),
                "standard_deviation": spread.tolist(),
                "mean_error": answer.mean_errors.tolist(),
                "covariance": answer.covariances[-1].tolist(),
                "exact": means.tolist(),
                "relative_error": relative(answer.means - means, means),
                "relative_covariance_error": relative(answer.covariances - covariances, covariances),
                **cost(answer.bill),
            },
            bill=answer.bill,
            digital_s=by_lapack_with_inverse(np.linalg.inv(covariances[-1]), len(means)),
            files={"answer": answer.means, "standard_deviation": spread},
            rows=beside_exact(names, answer.means[-1], spread[-1], error, means[-1], exact_spread[-1]),
            pictures={"band": partial(band, steps, answer.means[:, 0], SHARE_95 * spread[:, 0], None, "step")},
        )


def _standard_deviations(covariances: Float[np.ndarray, "steps n n"]) -> Float[np.ndarray, "steps n"]:
    return np.asarray(np.sqrt(np.diagonal(covariances, axis1=1, axis2=2)))
