"""What the trainings of a study take: some of them are begun."""

import json
from collections.abc import Mapping
from typing import Any

from ..files.forecasts import Forecast
from .planning import Plan


def training_forecasts(plan: Plan) -> list[Forecast]:
    """Of each run and reference; of none where none can be begun."""
    from ..training import experiment
    from ..training.runs import run_forecasts  # torch

    every = [_fields(run.task) for run in (*plan.runs, *plan.references)]
    kinds = [json.dumps(fields, default=str) for fields in every]
    one_of = dict(zip(kinds, every, strict=True))
    found = run_forecasts([experiment(fields) for fields in one_of.values()])
    known = dict(zip(one_of, found, strict=bool(found)))
    return [known[kind] for kind in kinds if kind in known]


def _fields(task: Mapping[str, Any]) -> dict[str, Any]:
    return {**task["experiment"], "seeds": [0]}
