"""The same budget for every method, and the settings that it tries."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._exceptions import ExperimentError
from ...experiments import RANGES, TUNED_AS, settings_at

METHODS = tuple(RANGES)


@dataclass(frozen=True)
class TuningBudget:
    """The same for every method: `trials` points of a scrambled Halton sequence, each with `seeds`.

    The best `finalists` of them run again with `final_seeds`, and are judged by all of their runs. `steps`,
    `batch_size` and `train_size` None: the task's own. The seeds are none of those that results are reported for.
    """

    trials: int = 20
    seeds: tuple[int, ...] = (100, 101)
    finalists: int = 4
    final_seeds: tuple[int, ...] = (102, 103, 104)
    steps: int | None = None
    batch_size: int | None = None
    train_size: int | None = None
    schedule: str = "cosine"
    search_seed: int = 0


def search_points(method: str, budget: TuningBudget) -> list[dict[str, Any]]:
    """The settings that the budget tries for a method; the first ones stay the same when the budget grows."""
    if method not in RANGES:
        hint = f" (shares the settings of {TUNED_AS[method]})" if method in TUNED_AS else ""
        raise ExperimentError(f"tune: expected one of {', '.join(RANGES)}, got {method!r}{hint}")
    from scipy.stats import qmc

    space = RANGES[method]
    sequence = qmc.Halton(len(space), rng=np.random.default_rng(budget.search_seed))
    points = sequence.random(budget.trials)
    return [settings_at(space, dict(zip(space, map(float, point), strict=True))) for point in points]
