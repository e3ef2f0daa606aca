"""What the summary of a study holds, as far as a report reads it."""

from typing import NotRequired

from pydantic import with_config
from typing_extensions import TypedDict

from ._schema import CONFIG, Count, Name, Number, Scalar, Text


@with_config(CONFIG)
class Metric(TypedDict, total=False):
    """Statistics of one metric of a study."""

    count: Count
    mean: Number
    mean_low: Number
    mean_high: Number
    median: Number
    min: Number
    max: Number


Share = TypedDict(
    "Share", {"yield": NotRequired[Number], "yield_low": NotRequired[Number], "yield_high": NotRequired[Number]}
)
"""The share of runs that keep all limits; the word cannot be a name."""


@with_config(CONFIG)
class LimitRow(Share):
    """How many runs keep a limit."""

    metric: Name
    passed: Count
    of: Count
    at_most: NotRequired[Number | None]
    at_least: NotRequired[Number | None]
    required_yield: NotRequired[Number | None]


@with_config(CONFIG)
class Point(TypedDict):
    """One point of a study."""

    parameters: dict[Name, Scalar]
    metrics: dict[Name, Metric]
    runs: NotRequired[Count]
    failed: NotRequired[Count]
    limits: NotRequired[list[LimitRow]]


@with_config(CONFIG)
class Bound(TypedDict):
    """The loosest value of a parameter that keeps a bound, for values of the others."""

    parameters: dict[Name, Scalar]
    loosest: NotRequired[Scalar]
    next: NotRequired[Scalar]
    mean: NotRequired[Number]
    mean_low: NotRequired[Number]
    mean_high: NotRequired[Number]


@with_config(CONFIG)
class Failure(TypedDict):
    """A run that failed."""

    run: int
    reason: Text


@with_config(CONFIG)
class Difference(TypedDict):
    """By how much two settings differ, seed by seed."""

    parameter: Name
    value: Scalar
    against: Scalar
    others: dict[Name, Scalar]
    metric: Name
    seeds: Count
    mean: Number
    mean_low: Number
    mean_high: Number
    differs: NotRequired[bool]


@with_config(CONFIG)
class StudySummary(Share):
    """Of `sweep`."""

    study: Name
    method: NotRequired[Name]
    seed: NotRequired[Count]
    runs: NotRequired[Count]
    done: NotRequired[Count]
    failed: NotRequired[Count]
    missing: NotRequired[Count]
    metrics: NotRequired[dict[Name, Metric]]
    points: NotRequired[list[Point]]
    specification: NotRequired[list[Bound]]
    differences: NotRequired[list[Difference]]
    failures: NotRequired[list[Failure]]
    units: NotRequired[dict[Name, Name]]
    pictures: NotRequired[list[Name]]


@with_config(CONFIG)
class Behind(TypedDict):
    """An element that brings a metric where it is."""

    element: Name
    deviation: Number
    change: Number


@with_config(CONFIG)
class Shortfall(TypedDict):
    """A limit that a circuit does not keep under a condition."""

    condition: Text
    metric: Name
    reason: Text
    elements: list[Behind]


@with_config(CONFIG)
class CharacteristicRow(Share):
    """One metric under one condition."""

    condition: Text
    metric: Name
    unit: NotRequired[Name]
    min: NotRequired[Number | None]
    typ: NotRequired[Number | None]
    max: NotRequired[Number | None]
    limit_min: NotRequired[Number | None]
    limit_typ: NotRequired[Number | None]
    limit_max: NotRequired[Number | None]
    passed: Count
    of: Count
    required_yield: NotRequired[Number | None]
    worst_chip: NotRequired[Count | None]
    worst_value: NotRequired[Number | None]


@with_config(CONFIG)
class WorstRun(TypedDict):
    """A run with the least room to a limit; one without the number failed."""

    metric: Name
    run: Count
    chip: Count
    parameters: dict[Name, Scalar]
    value: NotRequired[Number | None]
    failed: NotRequired[bool]
    kept: bool


@with_config(CONFIG)
class CampaignVerdict(Share):
    """Of `sweep`, what a verdict reads."""

    study: Name
    kind: NotRequired[Name]
    description: NotRequired[Text]
    method: NotRequired[Name]
    runs: NotRequired[Count]
    done: NotRequired[Count]
    failed: NotRequired[Count]
    missing: NotRequired[Count]
    instances: NotRequired[Count]
    settings: NotRequired[Count]
    independent: NotRequired[Count]
    outcome: NotRequired[Name]
    stopped: NotRequired[Text]
    limits: NotRequired[list[LimitRow]]
    characteristics: NotRequired[list[CharacteristicRow]]
    shortfalls: NotRequired[list[Shortfall]]
    worst: NotRequired[list[WorstRun]]
    references_missing: NotRequired[list[Count]]
    units: NotRequired[dict[Name, Name]]
    parameter_units: NotRequired[dict[Name, Name]]
