"""What the summary of a study holds, as far as a report reads it."""

from typing import NotRequired

from pydantic import with_config
from typing_extensions import TypedDict

from ._values import CONFIG, Count, Name, Number, Scalar, Text


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
class RankedParameter(TypedDict):
    """How much a parameter of a ranking matters."""

    parameter: Name
    moves: NotRequired[Number]
    moves_low: NotRequired[Number]
    moves_high: NotRequired[Number]
    lowest_at: NotRequired[Scalar]
    highest_at: NotRequired[Scalar]
    chips_left_out: NotRequired[Count]
    total: NotRequired[Number]
    total_low: NotRequired[Number]
    total_high: NotRequired[Number]
    first: NotRequired[Number]
    first_low: NotRequired[Number]
    first_high: NotRequired[Number]
    reason: NotRequired[Text]


@with_config(CONFIG)
class Ranking(TypedDict):
    """What moves a metric."""

    metric: Name
    unit: Name
    of_the_chips: Name | Number
    chips: Count
    base: NotRequired[Number]
    rows: NotRequired[Count]
    rows_left_out: NotRequired[Count]
    reason: NotRequired[Text]
    ranking: list[RankedParameter]


@with_config(CONFIG)
class VerifiedLimit(Share):
    """A limit on chips that a search never drew."""

    metric: Name
    passed: Count
    of: Count
    at_most: NotRequired[Number | None]
    at_least: NotRequired[Number | None]
    required_yield: Number
    median: NotRequired[Number]
    min: NotRequired[Number]
    max: NotRequired[Number]


@with_config(CONFIG)
class Seeds(TypedDict):
    """Of chips, from the first to the last."""

    first: Count
    last: Count


@with_config(CONFIG)
class Verification(TypedDict):
    """What new chips say of a design."""

    seeds: Seeds
    chips: Count
    failed: Count
    chips_to_be_sure: NotRequired[Count]
    limits: list[VerifiedLimit]
    delay_per_step_s: NotRequired[Number]
    energy_per_step_J: NotRequired[Number]


@with_config(CONFIG)
class TriedDesign(TypedDict):
    """A design of a search."""

    design: Count
    parameters: dict[Name, Scalar]
    cost: Number
    delay_per_step_s: NotRequired[Number]
    energy_per_step_J: NotRequired[Number]


@with_config(CONFIG)
class Optimised(TypedDict):
    """The cheapest design that keeps the limits, if there is one."""

    designs: Count
    designs_kept: Count
    unit: NotRequired[Name]
    design: NotRequired[Count]
    parameters: NotRequired[dict[Name, Scalar]]
    cost: NotRequired[Number]
    cost_by_parameter: NotRequired[dict[Name, Number]]
    delay_per_step_s: NotRequired[Number]
    energy_per_step_J: NotRequired[Number]
    rivals: NotRequired[list[TriedDesign]]
    nearest: NotRequired[TriedDesign]
    reason: NotRequired[Text]
    verification: NotRequired[Verification]


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
    sensitivity: NotRequired[Ranking]
    optimised: NotRequired[Optimised]
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
    sensitivity: NotRequired[Ranking]
    optimised: NotRequired[Optimised]
    units: NotRequired[dict[Name, Name]]
    parameter_units: NotRequired[dict[Name, Name]]
