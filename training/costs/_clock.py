"""Time that a step takes, on a CPU or a GPU, and what is said of it after many steps."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch

MOST = 2000
"""Latest steps whose times are kept."""


def now() -> float:
    """Seconds of this thread's own work: what else the machine does meanwhile does not count.

    A run computes in one thread. A GPU works beside it, so there it is the time on the wall, when the GPU has done all
    that it was given.
    """
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.thread_time()


@dataclass
class StepTimes:
    """What the digital part of a step takes, from the times that many steps took [s].

    Every step does the same work, and whatever else goes on can only make it slower: caches, clock rates, the first
    step's preparations. So a step counts as the median of the faster half of them. Where the work itself differs
    from step to step it is their mean, and none counts for more than three medians.
    """

    steady: bool
    seconds: list[float] = field(default_factory=list)

    def add(self, seconds: float) -> None:
        self.seconds = [*self.seconds[-MOST + 1 :], seconds]

    def of_a_step(self) -> float:
        """0 before the first step."""
        times = np.sort(self.seconds)
        if len(times) == 0:
            return 0.0
        if self.steady:
            return float(np.median(times[: (len(times) + 1) // 2]))
        return float(np.minimum(times, 3 * np.median(times)).mean())

    def spread(self) -> float | None:
        """Interquartile range of the times of steps by their median; None for fewer than four."""
        if len(self.seconds) < _FEWEST:
            return None
        low, middle, high = np.quantile(self.seconds, [0.25, 0.5, 0.75])
        return float((high - low) / middle) if middle > 0 else None


_FEWEST = 4
