"""What the summaries of commands hold, as far as a verdict reads them; checked like the rest of a result folder."""

from typing import Any, NotRequired

from pydantic import with_config
from typing_extensions import TypedDict

from ._values import CONFIG, Count, Formula, Matrix, Name, NotNegative, Number, Scalar, Text, Vector


@with_config(CONFIG)
class HowMade(TypedDict, total=False):
    """Of any command: how it was called, and what it says of itself."""

    command: Name
    arguments: list[Text]
    seed: Count | None
    instance_seed: Count | None
    versions: dict[Name, Name | Number | None]
    engine: Name
    version: int | Name
    quick: bool
    started: Name
    elapsed_s: NotNegative
    study: Name
    problem: Name
    netlist: Text


@with_config(CONFIG)
class Verified(TypedDict, total=False):
    """Of `verify`: what took part in the calibration that it checks."""

    fitted: list[Text]
    netlist: Text


@with_config(CONFIG)
class Contradiction(TypedDict):
    """A check of a calibration that the measurements do not keep."""

    text: Text


@with_config(CONFIG)
class Standard(TypedDict):
    """A number with its standard error."""

    value: Number
    standard_error: NotNegative


@with_config(CONFIG)
class Bound(TypedDict):
    """A comparison with its limit, as a summary has it."""

    metric: Name
    passed: bool
    value: NotRequired[Number]
    limit: NotRequired[NotNegative]


@with_config(CONFIG)
class CalibrationSummary(TypedDict, total=False):
    """Of `calibrate` with one chip."""

    design: Name
    topology: Name
    level: Name
    n: Count
    verdict: Name
    contradictions: list[Contradiction]
    checks: Count
    not_identified: list[Text]
    rms_z: Number | None
    residual: Number | None
    samples: Count
    gain: Standard
    gain_bandwidth: Standard
    noise_scale: Standard
    bench: dict[Name, Standard]
    held_out: list[Bound]
    believed: Text
    notes: list[Text]


@with_config(CONFIG)
class SpreadOf(TypedDict, total=False):
    """A kind of deviation over a process."""

    mean: Standard | None
    chip: Standard | None
    local: Standard | None


@with_config(CONFIG)
class PopulationSummary(TypedDict, total=False):
    """Of `calibrate` with several chips."""

    design: Name
    topology: Name
    level: Name
    instances: Count
    spreads: dict[Name, SpreadOf]
    contradicted: dict[Name, Text]
    residual: Number | None
    samples: Count


@with_config(CONFIG)
class ElementRow(TypedDict):
    """An element of a circuit of one's own, as it was inferred."""

    element: Name
    nominal: Number
    value: Number
    deviation: Number
    standard_error: NotNegative
    tolerance: NotNegative
    identified: bool
    truth: NotRequired[Number | None]


@with_config(CONFIG)
class ElementsSummary(TypedDict, total=False):
    """Of `calibrate` with a netlist."""

    netlist: Text
    outputs: list[Text]
    elements: list[ElementRow]
    misfit: dict[Name, Number]
    chance: Number | None
    verdict: Name


@with_config(CONFIG)
class Proof(TypedDict):
    """A claim of `symbolic`."""

    name: Name
    claim: Text
    holds: bool


@with_config(CONFIG)
class SymbolicSummary(TypedDict, total=False):
    """Of `symbolic`."""

    topology: Name
    level: Name
    size: Count
    netlist: Text
    outputs: list[Text]
    proofs: list[Proof]
    expressions: dict[Name, Formula]
    numbers: dict[Name, Any]
    checks: dict[Name, bool]
    omitted: list[Text]


@with_config(CONFIG)
class ExportSummary(TypedDict, total=False):
    """Of `export`."""

    to: Name
    name: Name
    files: dict[Name, Name]
    outputs: list[Name]
    inputs: list[Name]
    design: Name
    topology: Name
    n: Count
    verdict: Name
    clipped: list[Text]


@with_config(CONFIG)
class AlgebraSummary(TypedDict, total=False):
    """Of `solve` with a problem of linear algebra."""

    problem: Name
    on: Name
    n: Count
    runs: Count
    value: Number | Vector | Matrix
    standard_error: Number | Vector | Matrix
    exact: Number | Vector | Matrix
    relative_error: NotNegative
    relative_standard_error: NotNegative
    relative_noise_error: NotNegative
    relative_device_error: NotNegative
    largest_z: NotNegative | None
    analog_time_s: NotNegative
    energy_J: NotNegative
    least_energy_J: NotNegative


@with_config(CONFIG)
class SimulationVerdict(TypedDict, total=False):
    """Of `simulate`, what a verdict reads."""

    passed: bool
    faults: list[Text]
    warnings: list[Text]
    settled: bool
    trusted: bool
    clipped: list[Text]
    drive_scale: Number
    relative_error: Number
    predicted_relative_error: Number | None


@with_config(CONFIG)
class TrainingFields(TypedDict, total=False):
    """Of an experiment, what a report shows."""

    task: Name
    optimizer: Name
    solver: Name | None
    steps: Count | None
    batch_size: Count | None
    lr: Number | None
    damping: Number | None
    t: Number | None
    delay: Number | None
    curvature: Name | None
    device: Text | None
    design: Text | None
    device_seed: Count | Name | None


@with_config(CONFIG)
class WhenReached(TypedDict):
    """When a run with chosen settings had come to the target."""

    steps: Count
    last_step_above: NotRequired[Count | None]
    modelled_time_s: NotNegative


@with_config(CONFIG)
class TuningSummary(TypedDict, total=False):
    """Of `train --tune`."""

    task: Name
    settings: Name
    steps: Count
    best: dict[Name, Name]
    chosen: dict[Name, dict[Name, Scalar]]
    target_loss: NotNegative
    reached: dict[Name, list[WhenReached | None]]
    left_out: dict[Name, Text]
