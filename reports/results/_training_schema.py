"""What a folder of a training holds, as far as the report reads it."""

from typing import Annotated, NotRequired

from pydantic import Field, with_config
from typing_extensions import TypedDict

from ._values import CONFIG, LARGEST, Count, Name, NotNegative, Number, Text, Vector


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
    last_step_above_target: Count
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
