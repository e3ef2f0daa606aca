"""What the trainings of a study take: some of them are begun."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..files.forecasts import Forecast
from .planning import Plan

MOST_KINDS = 6
"""So many kinds of runs are begun, two steps each; the others are taken for the longest of these."""

_COST = (
    "task", "data", "train_size", "batch_size", "accumulate", "optimizer", "solver", "curvature", "autocast",
    "precision", "processor", "steps", "log_every", "device", "design", "delay",
)  # fmt: skip
"""Fields that decide what a run costs."""


def training_forecasts(plan: Plan) -> Iterator[Forecast]:
    """Of each run and reference; of none where none can be begun."""
    from ..training import experiment
    from ..training.runs import run_forecast  # torch

    every = [_fields(run.task) for run in (*plan.runs, *plan.references)]
    kinds = [_kind(fields) for fields in every]
    some = dict(list(dict(zip(kinds, every, strict=True)).items())[:MOST_KINDS])
    made = {kind: run_forecast(experiment(fields)) for kind, fields in some.items()}
    known = {kind: found for kind, found in made.items() if found is not None}
    if known:
        longest = max(known.values(), key=lambda found: (found.seconds, found.memory))
        yield from (known.get(kind, longest) for kind in kinds)


def _fields(task: Mapping[str, Any]) -> dict[str, Any]:
    return {**task["experiment"], "seeds": [0]}


def _kind(fields: Mapping[str, Any]) -> str:
    return json.dumps([fields.get(name) for name in _COST], default=str)
