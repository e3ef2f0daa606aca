"""Exact sample paths: matrix products over blocks of time, and a recursion that is cheap or blocked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from ._lyapunov import psd_factor
from ._transition import transition

if TYPE_CHECKING:
    from ._ou import OrnsteinUhlenbeck


@dataclass(frozen=True, eq=False)
class Spacings:
    """The steps between sorted times; steps that agree to the rounding of the times count as one."""

    values: Float[np.ndarray, " distinct"]
    index: np.ndarray  # which value each step has

    @classmethod
    def of(cls, times: Float[np.ndarray, " times"]) -> "Spacings":
        steps = np.diff(times)
        order = np.argsort(steps, kind="stable")
        ordered = steps[order]
        slack = 4.0 * np.finfo(float).eps * float(np.max(np.abs(times), initial=0.0))
        values: list[float] = []
        index = np.empty(len(steps), dtype=np.int64)
        start = 0
        while start < len(ordered):
            stop = int(np.searchsorted(ordered, ordered[start] + slack, side="right"))
            # A step of zero stays exactly zero.
            values.append(0.0 if ordered[start] == 0.0 else float(np.mean(ordered[start:stop])))
            index[order[start:stop]] = len(values) - 1
            start = stop
        return cls(np.array(values), index)


def sample_paths(
    process: "OrnsteinUhlenbeck",
    times: Float[np.ndarray, " times"],
    x0: Float[np.ndarray, "paths n"] | None,
    rng: np.random.Generator,
    paths: int,
) -> Float[np.ndarray, "paths times n"]:
    out = np.empty((paths, len(times), process.n))
    if not len(times):
        return out
    steps: dict[float, tuple[np.ndarray, np.ndarray]] = {}

    def step(t: float) -> tuple[np.ndarray, np.ndarray]:
        if t not in steps:
            one = transition(process.drift, process.diffusion, t)
            steps[t] = one.decay, psd_factor(one.covariance)
        return steps[t]

    noise = rng.standard_normal((paths, process.n))
    if x0 is None:
        y = noise @ psd_factor(process.stationary_covariance()).T
    else:
        Phi, L = step(float(times[0]))
        y = (x0 - process.mean) @ Phi.T + noise @ L.T
    out[:, 0] = y
    spacings = Spacings.of(times)
    for k, index in enumerate(spacings.index):
        Phi, L = step(float(spacings.values[index]))
        y = y @ Phi.T + rng.standard_normal((paths, process.n)) @ L.T
        out[:, k + 1] = y
    return out + process.mean
