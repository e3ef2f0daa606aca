"""The settings of an experiment, each with its unit, its bounds and what it means."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...files.quantities import Bits, Count, In, Ratio, Samples, Seconds, SquareVolt, Steps, TimeConstants


class ExperimentFields(BaseModel):
    """What can be said of a training; which settings go together is checked by `Experiment`.

    A setting that is None takes its tuned value, or a general one where none was tuned; see `with_defaults`. Which
    settings mean something to which method stands with the method, in `OPTIMIZER_KINDS` and `SOLVER_KINDS`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # What is trained, by what, and how often

    task: str = "digits"
    """One of `TASKS`."""
    optimizer: str = "tngd"
    """A row of `OPTIMIZER_KINDS`."""
    solver: str | None = None
    """A row of `SOLVER_KINDS`, of those that the optimiser takes; None takes the first of them."""
    name: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._+=-]*$")
    """Prefix of the run's name in a folder of results; task, optimiser and solver without one."""
    seeds: tuple[Count, ...] = Field((0, 1, 2, 3, 4), min_length=1)
    """One run for each: a seed chooses initial weights, order of the data, and noise."""
    steps: Annotated[Steps, Field(ge=1)] | None = None
    """Steps of the optimiser; the task has a number of its own."""
    epochs: Annotated[Count, Field(ge=1)] | None = None
    """Passes over the training part, where `steps` are not given."""
    train_size: Annotated[Samples, Field(ge=1)] | None = None
    """Samples of the training part that are used, its first ones; None takes them all."""
    batch_size: Annotated[Samples, Field(ge=1)] | None = None
    """Samples of a mini-batch; the task has a number of its own."""
    data: Path | None = None
    """Folder of the files that the tasks mnist and squad read."""

    # The optimiser

    tuned_for: Annotated[Steps, Field(ge=1)] | None = None
    """Take the values that were tuned for about so many steps, where settings are left open; those for about `steps`
    unless given, and results say which."""
    target_loss: Annotated[Ratio, Field(gt=0)] | None = None
    """A loss on validation data, looked at after each step until a run reached it: results say at which step, and at
    which modelled time, it did."""
    lr: Annotated[Ratio, Field(gt=0)] | None = None
    """Learning rate of the first step."""
    schedule: Literal["constant", "cosine"] | None = None
    """How the learning rate goes on: it stays, or falls to zero by half a cosine."""
    momentum: Annotated[Ratio, Field(ge=0, lt=1)] | None = None
    """What is left of the last direction in the next."""
    beta1: Annotated[Ratio, Field(ge=0, lt=1)] | None = None
    """Decay of Adam's mean of gradients; with tngd, of directions, which then go to Adam (TNGD-Adam)."""
    beta2: Annotated[Ratio, Field(ge=0, lt=1)] | None = None
    """Decay of Adam's mean of squared gradients, or directions; 0 with tngd unless given."""
    weight_decay: Annotated[Ratio, Field(ge=0)] | None = None
    """Times the parameters, added to the gradient."""
    damping: Annotated[Ratio, Field(gt=0)] | None = None
    """Times the identity, added to the curvature."""
    damping_last: Annotated[Ratio, Field(gt=0)] | None = None
    """The damping of the last step, to which it goes by equal factors; it stays where this is not given."""
    levenberg_marquardt: bool | None = None
    """Adapt the damping to how well the quadratic model foresaw each step, and undo steps that raise the loss."""
    unstable: Literal["raise-damping", "shorten-t", "stop"] | None = None
    """What a step does about a device whose loop would ring up: add damping that fades again, run for a shorter time,
    or end the run; raise-damping unless given."""
    served: Literal["refuse", "adapt"] | None = None
    """Ask the chip of `device-spu`, before the first step, which damping and t it can serve from a warm start: refuse
    others, or take the nearest that it serves, which the results then hold as `served_damping` and `served_t`."""
    accumulate: Annotated[Count, Field(ge=1)] | None = None
    """Mini-batches of `batch_size` samples that one step takes together."""
    curvature: Literal["ggn", "fisher", "layers", "products"] | None = None
    """Gauss-Newton matrix from a stored Jacobian (ggn) or from outer products by layers (layers, the default where a
    task allows it), the empirical Fisher matrix (fisher), or products alone, with no Jacobian stored (products)."""
    curvature_rows: Literal["all", "sampled"] | None = None
    """Rows of the arrays: one for each output of a sample (all), or one for each sample, at an answer that the model's
    own distribution draws (sampled)."""
    curvature_average: Annotated[Count, Field(ge=1)] | None = None
    """Steps whose rows make up the curvature, so many times those of one; 1 unless given."""
    curvature_decay: Annotated[Ratio, Field(gt=0, le=1)] | None = None
    """What is left of a step's weight in that average from step to step; 1, equal weights, unless given."""
    autocast: Literal["bfloat16", "float16"] | None = None
    """Precision of the forward pass, where it is less than `precision`."""
    factor_decay: Annotated[Ratio, Field(ge=0, lt=1)] | None = None
    """What is left of K-FAC's Kronecker factors from step to step."""

    # The solver

    tolerance: Annotated[Ratio, Field(gt=0)] | None = None
    """Residual at which an iterative solver stops, relative to the drive."""
    iterations: Annotated[Count, Field(ge=1)] | None = None
    """Iterations after which an iterative solver stops in any case."""
    t: Annotated[TimeConstants, Field(ge=0)] | None = None
    """Analog time of a step [time constants of the device]."""
    delay: Annotated[TimeConstants, Field(ge=0)] | None = None
    """Analog time [time constants] on the program of the step before, while the next is worked out."""
    start: Literal["warm", "gradient", "zero"] | None = None
    """Where the device starts from: where it was read out last, the gradient, or zero."""
    deflated: Annotated[Count, Field(ge=0)] | None = None
    """Slowest modes that are settled in that start, by Lanczos on the digital side."""
    kappa0: Annotated[SquareVolt, Field(ge=0)] | None = None
    """Noise of the ideal device [V^2]: its covariance at rest is `kappa0 F^-1`."""
    bits: Annotated[Bits, Field(ge=2)] | None = None
    """Bits of the converters about each solve of K-FAC."""

    # The device, calibrated or of a design

    device: Path | None = None
    """JSON file of a calibrated model of a chip or of a process; the chip itself lies beside it as `instance.json`."""
    design: str | dict[str, Any] | None = None
    """The kind of chip where no `device` is given: a preset's name, a YAML file, or a design's fields."""
    device_seed: Annotated[int, In("count"), Field(ge=0)] | Literal["seed"] = 0
    """Number of the chip that all seeds train with; `seed` gives each of them a chip of its own."""
    chip: Literal["drawn", "measured"] | None = None
    """One like that of `device`, or the cascade of `device` itself."""
    correction: Literal["none", "nulled", "calibrated"] | None = None
    """With `nulled`, the answer without a drive is taken off each answer, at one run more: amplifiers' offsets are
    gone, resistors stay as they are. With `calibrated`, programs make up for what the calibration of `device` has
    found; without a `device` the chip of `device_seed` is calibrated in the run."""
    without: tuple[str, ...] | None = None
    """Effects that `device-spu` is free of, by their names in `DeviceEffects`."""
    rounding: Literal["nearest", "stochastic"] | None = None
    """How the program of `device-spu` is rounded to its levels."""
    step_time: Annotated[Seconds, Field(gt=0)] | None = None
    """The chip drifts for so long [s] from step to step, as its design says; None: not at all."""
    recalibrate_every: Annotated[Steps, Field(ge=0)] | None = None
    """Steps between corrections of the drift that all cells share; 0 is never."""

    # How the run is carried out

    precision: Literal["float32", "float64"] = "float32"
    """Of weights, gradients and digital solves."""
    processor: str = "cpu"
    """Where torch computes: cpu, cuda, cuda:1."""
    log_every: Annotated[Steps, Field(ge=1)] | None = None
    """Steps between two lines of the log, each with the loss over all training data; the task has a number of its
    own."""
    test_every: Annotated[Steps, Field(ge=1)] | None = None
    """Steps between two looks at validation and test data; the task has a number of its own."""
    checkpoint_every: Annotated[Steps, Field(ge=1)] = 100
    """Steps between two checkpoints."""
    loss_bound: Annotated[Ratio, Field(gt=1)] = 1000.0
    """A run whose loss exceeds so many initial training losses, or is not finite, stops as diverged."""
