"""What the files of a result folder hold, as far as the report reads them: checked before anything is drawn.

Keys that are not named here are let through and are not read.
"""

from typing import Annotated, NotRequired

from pydantic import Field, with_config
from typing_extensions import TypedDict

from ._values import CONFIG, LARGEST, Cells, Count, Matrix, Name, NotNegative, Number, Text, Vector


@with_config(CONFIG)
class Summary(TypedDict, total=False):
    """Summary of any command."""

    command: Name
    seed: Count | None
    instance_seed: Count | None
    quick: bool
    started: Name
    elapsed_s: NotNegative
    engine: Name
    versions: dict[Name, Name | Number | None]
    arguments: list[Text]
    study: Name
    topology: Name
    n: Cells


@with_config(CONFIG)
class SimulationSummary(TypedDict):
    """Summary of `simulate`."""

    topology: Name
    n: Cells
    design: Name
    level: Name
    temperature: Number
    engine: Name
    version: int | Name
    analysis: NotRequired[Name]
    relative_error: NotRequired[Number]
    predicted_relative_error: NotRequired[Number | None]
    v: NotRequired[list[Number | None]]
    x: NotRequired[list[Number | None]]
    warnings: NotRequired[list[Text]]
    rms: NotRequired[list[Number | None]]
    noise_shares: NotRequired[dict[Name, list[NotNegative]]]
    noise_kinds: NotRequired[dict[Name, NotNegative]]
    noise_band: NotRequired[Annotated[list[NotNegative], Field(min_length=2, max_length=2)]]


@with_config(CONFIG)
class ProgramSummary(TypedDict):
    """Of `solve` with a program."""

    problem: Name
    on: Name
    n: Cells
    status: NotRequired[Name]
    reason: NotRequired[Text]
    failure: NotRequired[Text]
    worth: NotRequired[Text]
    pictures: NotRequired[list[Name]]
    loads: NotRequired[Count]
    drives: NotRequired[Count]
    iterations: NotRequired[Count]
    analog_time_s: NotRequired[NotNegative]
    loading_time_s: NotRequired[NotNegative]
    digital_time_s: NotRequired[NotNegative]
    energy_J: NotRequired[NotNegative]
    least_energy_J: NotRequired[NotNegative]
    energy_over_least: NotRequired[NotNegative]
    relative_error: NotRequired[Number]
    objective: NotRequired[Number]
    gap: NotRequired[NotNegative]
    relative_gap: NotRequired[NotNegative]
    foreseen_relative_gap: NotRequired[NotNegative]
    primal_residual: NotRequired[NotNegative]
    dual_residual: NotRequired[NotNegative]
    test_accuracy: NotRequired[Number]
    train_accuracy: NotRequired[Number]


@with_config(CONFIG)
class NetlistSummary(TypedDict):
    """Of `simulate --netlist`."""

    netlist: Text
    outputs: list[Text]
    analysis: Name
    engine: Name
    version: int | Name
    v: NotRequired[list[Number | None]]
    predicted: NotRequired[list[Number | None]]
    rms: NotRequired[list[Number | None]]
    model_rms: NotRequired[list[Number | None]]
    contributors: NotRequired[dict[Name, list[NotNegative]]]
    time_constants: NotRequired[list[Number]]
    temperature: NotRequired[Number]
    warnings: NotRequired[list[Text]]


@with_config(CONFIG)
class TopologyOf(TypedDict):
    """The topology of an instance."""

    name: Name
    n: Cells


@with_config(CONFIG)
class InstanceOf(TypedDict, total=False):
    """instance.json."""

    topology: TopologyOf
    seed: Count | None


@with_config(CONFIG)
class RowFields(TypedDict, total=False):
    """A row of fidelity.json."""

    topology: Name
    level: Name
    size: Count
    analysis: Name
    metric: Name
    value: Number
    limit: NotNegative
    passed: bool


@with_config(CONFIG)
class ParameterRow(TypedDict):
    """A row of parameters.json."""

    name: Name
    index: list[Count]
    estimate: Number
    standard_error: NotNegative
    true: NotRequired[Number | None]
    unit: NotRequired[Name]


@with_config(CONFIG)
class ResidualRow(TypedDict):
    """A row of residuals.json."""

    file: Name
    analysis: Name
    rms: NotNegative
    used: bool
    why: NotRequired[Text]


@with_config(CONFIG)
class ExperimentRow(TypedDict):
    """A row of experiments.json."""

    text: Text


@with_config(CONFIG)
class HeldOutRow(TypedDict):
    """A row of heldout.json."""

    spice: Vector
    design: Vector
    calibrated: Vector
    nominal: Vector


@with_config(CONFIG)
class Covariance(TypedDict):
    """covariance.json."""

    spice: Matrix
    model: Matrix


@with_config(CONFIG)
class Trained(TypedDict):
    """One training in in-the-loop.json."""

    losses: Vector
    parameters: Vector


@with_config(CONFIG)
class InTheLoop(TypedDict):
    """in-the-loop.json."""

    spice: Trained
    calibrated: Trained
    design: Trained
    sd: Annotated[list[Annotated[float, Field(gt=0, le=LARGEST)]], Field(min_length=1)]
    draws: Count


@with_config(CONFIG)
class Entry(TypedDict, total=False):
    """A row of runs.jsonl or curves.jsonl, beside its run."""

    task: Name | None
    seed: Count | None
    optimizer: Name | None
    solver: Name | None
    train_loss: Number
    test_loss: Number
    validation_loss: Number
    target_loss: NotNegative
    steps_to_target: Count
    modelled_time_to_target_s: NotNegative
    test_accuracy: Number
    elapsed_s: NotNegative
    modelled_time_s: NotNegative
    modelled_energy_J: NotNegative
    modelled_digital_s: NotNegative
    modelled_loading_s: NotNegative
    modelled_drive_s: NotNegative
    modelled_relaxation_s: NotNegative
    modelled_readout_s: NotNegative
    policy_acted: NotNegative
    damping: NotNegative
    lambda_max: Number
    growth: Number
    loop_margin: Number
    damping_slack: Number


@with_config(CONFIG)
class RunRow(Entry):
    """A row of runs.jsonl."""

    run: Name
    steps: NotRequired[Count]
    stopped: NotRequired[Text]
    warning: NotRequired[Text | None]


@with_config(CONFIG)
class CurveRow(Entry):
    """A row of curves.jsonl."""

    run: Name
    step: Count


@with_config(CONFIG)
class DesignValue(TypedDict):
    value: bool | int | Number | Text | list[bool | int | Number | Text | None] | None


@with_config(CONFIG)
class DesignWords(TypedDict, total=False):
    name: Name
    description: Text
    sources: dict[Name, Text] | None


@with_config(CONFIG)
class DesignKey(TypedDict):
    key: Name
