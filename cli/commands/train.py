"""`thermospice train`: one task, one optimiser, several seeds."""

import os
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from .._exceptions import InputError
from ..frame import AsJson, Out, Quiet, Resume, garbage_as_usual, job, quantity, whole

EXAMPLE = "Example: thermospice train digits --optimizer tngd --solver ideal-spu --seeds 3"
_OPTIMISER, _ANALOG, _DEVICE = "The optimiser", "Analog solvers", "The device (device-spu; also model-spu, spice-spu)"
_TUNED = "\\[default: tuned on validation data]"
_SETTINGS = (
    "task", "optimizer", "solver", "device", "design", "data", "steps", "epochs", "train_size", "batch_size",
    "accumulate", "tuned_for", "target_loss", "lr", "schedule", "momentum", "beta1", "beta2", "weight_decay",
    "damping", "damping_last",
    "levenberg_marquardt", "unstable", "served", "curvature",
    "curvature_rows", "curvature_average", "curvature_decay",
    "autocast", "precision", "processor", "t", "delay", "start",
    "deflated", "kappa0", "device_seed", "chip", "correction", "without", "rounding", "bits", "step_time",
    "recalibrate_every",
)  # fmt: skip
"""Options that are fields of an experiment."""


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(train)


def _option(name: str, what: str, panel: str, parser: Callable[[Any], Any] | None = None) -> typer.models.OptionInfo:
    metavar = None if parser is None else "NUMBER"
    option: typer.models.OptionInfo = typer.Option(
        name, help=what, show_default=False, rich_help_panel=panel, parser=parser, metavar=metavar
    )
    return option


def train(
    context: typer.Context,
    task: Annotated[str | None, typer.Argument(help="Such as digits; without one, train lists all.")] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", help="YAML file with any settings of an experiment, or what --tune left; options win."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of data that are not shipped, as of mnist.")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds",
            parser=whole("--seeds", 1),
            metavar="INTEGER",
            help="How many, from --seed on. \\[default: 1; without --seed, those of an experiment's --config]",
        ),
    ] = None,
    tune: Annotated[
        bool,
        typer.Option("--tune", help="Choose every optimiser's settings by one budget on validation data."),
    ] = False,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            parser=whole("--trials", 2),
            metavar="INTEGER",
            help="Settings that --tune tries of every optimiser. \\[default: 20]",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            parser=whole("--workers", 1),
            metavar="INTEGER",
            help="Processes. \\[default: one per core; 1 with a GPU]",
        ),
    ] = None,
    processor: Annotated[
        str | None, typer.Option("--processor", help="Of torch: cpu, cuda, cuda:1. \\[default: cpu]")
    ] = None,
    precision: Annotated[
        str | None, typer.Option("--precision", help="float32 or float64. \\[default: float32]")
    ] = None,
    out: Out = None,
    resume: Resume = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            parser=whole("--seed", 0),
            metavar="INTEGER",
            help="The first of --seeds. \\[default: 0; without --seeds, those of an experiment's --config]",
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    optimizer: Annotated[
        str | None, _option("--optimizer", "sgd, momentum, adam, lbfgs, tngd or kfac. \\[default: tngd]", _OPTIMISER)
    ] = None,
    solver: Annotated[
        str | None,
        _option(
            "--solver",
            "For tngd: ideal-spu, device-spu, model-spu, spice-spu, cholesky, woodbury or conjugate-gradient. "
            "For kfac: cholesky, ideal-spu or device-spu.",
            _OPTIMISER,
        ),
    ] = None,
    steps: Annotated[
        int | None, _option("--steps", "How many. \\[default: the task's]", _OPTIMISER, whole("--steps"))
    ] = None,
    epochs: Annotated[
        int | None, _option("--epochs", "Passes over the data, instead of --steps.", _OPTIMISER, whole("--epochs"))
    ] = None,
    train_size: Annotated[
        int | None,
        _option(
            "--train-size",
            "Training samples that are used, the first ones. \\[default: all]",
            _OPTIMISER,
            whole("--train-size"),
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        _option("--batch-size", "Samples of a mini-batch. \\[default: the task's]", _OPTIMISER, whole("--batch-size")),
    ] = None,
    accumulate: Annotated[
        int | None, _option("--accumulate", "Mini-batches of a step.", _OPTIMISER, whole("--accumulate"))
    ] = None,
    tuned_for: Annotated[
        int | None,
        _option(
            "--tuned-for",
            "Take the settings that were tuned for about so many steps. \\[default: those of --steps]",
            _OPTIMISER,
            whole("--tuned-for"),
        ),
    ] = None,
    target_loss: Annotated[
        float | None,
        _option(
            "--target-loss",
            "A validation loss, looked at after each step: say at which step, and modelled time, it was reached.",
            _OPTIMISER,
            quantity("--target-loss", ""),
        ),
    ] = None,
    lr: Annotated[float | None, _option("--lr", f"Learning rate. {_TUNED}", _OPTIMISER, quantity("--lr", ""))] = None,
    schedule: Annotated[str | None, _option("--schedule", "Of the rate: constant or cosine.", _OPTIMISER)] = None,
    momentum: Annotated[
        float | None, _option("--momentum", "Of the direction, 0 to 1.", _OPTIMISER, quantity("--momentum", ""))
    ] = None,
    weight_decay: Annotated[
        float | None,
        _option(
            "--weight-decay", "Times the parameters, added to the gradient.", _OPTIMISER, quantity("--weight-decay", "")
        ),
    ] = None,
    damping: Annotated[
        float | None, _option("--damping", f"Of the curvature. {_TUNED}", _OPTIMISER, quantity("--damping", ""))
    ] = None,
    damping_last: Annotated[
        float | None,
        _option(
            "--damping-last", "Of the last step, reached by equal factors.", _OPTIMISER, quantity("--damping-last", "")
        ),
    ] = None,
    levenberg_marquardt: Annotated[
        bool | None,
        typer.Option(
            "--levenberg-marquardt/--no-levenberg-marquardt",
            help="For tngd: adapt the damping to each step, and undo steps that raise the loss.",
            show_default=False,
            rich_help_panel=_OPTIMISER,
        ),
    ] = None,
    beta1: Annotated[
        float | None,
        _option("--beta1", "Decay of Adam's mean; with tngd, of directions.", _OPTIMISER, quantity("--beta1", "")),
    ] = None,
    beta2: Annotated[
        float | None,
        _option("--beta2", "Decay of Adam's mean of squares, likewise.", _OPTIMISER, quantity("--beta2", "")),
    ] = None,
    curvature: Annotated[
        str | None,
        _option(
            "--curvature",
            "For tngd: ggn (Gauss-Newton), layers (the same, by layers; the default where the task allows it), fisher"
            " (empirical), or products (no Jacobian; for conjugate-gradient).",
            _OPTIMISER,
        ),
    ] = None,
    curvature_rows: Annotated[
        str | None,
        _option(
            "--curvature-rows",
            "For tngd: all (one for each output of a sample), or sampled (one for each sample). \\[default: all]",
            _OPTIMISER,
        ),
    ] = None,
    curvature_average: Annotated[
        int | None,
        _option(
            "--curvature-average",
            "For tngd: steps whose rows make up the curvature. \\[default: 1]",
            _OPTIMISER,
            whole("--curvature-average"),
        ),
    ] = None,
    curvature_decay: Annotated[
        float | None,
        _option(
            "--curvature-decay",
            "What is left of a step's weight in it from step to step. \\[default: 1]",
            _OPTIMISER,
            quantity("--curvature-decay", ""),
        ),
    ] = None,
    autocast: Annotated[
        str | None, _option("--autocast", "Forward pass of tngd in bfloat16 or float16.", _OPTIMISER)
    ] = None,
    t: Annotated[
        float | None,
        _option(
            "--t", f"Analog time of a step, in time constants. {_TUNED}", _ANALOG, quantity("--t", "time constants")
        ),
    ] = None,
    delay: Annotated[
        float | None,
        _option(
            "--delay",
            "Analog time on the last program before each step.",
            _ANALOG,
            quantity("--delay", "time constants"),
        ),
    ] = None,
    start: Annotated[
        str | None, _option("--start", "Where the device starts: warm (the last readout), gradient or zero.", _ANALOG)
    ] = None,
    deflated: Annotated[
        int | None,
        _option("--deflated", "Slowest modes settled in that start by Lanczos.", _ANALOG, whole("--deflated", 0)),
    ] = None,
    kappa0: Annotated[
        float | None, _option("--kappa0", "Noise of ideal-spu \\[V^2].", _ANALOG, quantity("--kappa0", "V^2"))
    ] = None,
    bits: Annotated[
        int | None, _option("--bits", "For kfac: of the converters about each solve.", _ANALOG, whole("--bits"))
    ] = None,
    device: Annotated[
        Path | None, _option("--device", "device.json or population.json of a calibration.", _DEVICE)
    ] = None,
    design: Annotated[
        str | None, _option("--design", "Preset or .yaml file of a device that is not calibrated.", _DEVICE)
    ] = None,
    device_seed: Annotated[
        str | None, _option("--device-seed", "Number of the chip, or seed: one of its own for each seed.", _DEVICE)
    ] = None,
    chip: Annotated[
        str | None, _option("--chip", "drawn (one like --device), or measured (the cascade of --device).", _DEVICE)
    ] = None,
    correction: Annotated[
        str | None,
        _option(
            "--correction",
            "nulled: answers less those without a drive; calibrated: programs make up for what a calibration finds.",
            _DEVICE,
        ),
    ] = None,
    without: Annotated[
        list[str] | None, _option("--without", "An effect to leave out, such as offset; may be repeated.", _DEVICE)
    ] = None,
    rounding: Annotated[str | None, _option("--rounding", "Of the program: nearest or stochastic.", _DEVICE)] = None,
    unstable: Annotated[
        str | None,
        _option(
            "--unstable",
            "When a loop would ring up: raise-damping, shorten-t or stop. \\[default: raise-damping]",
            _DEVICE,
        ),
    ] = None,
    served: Annotated[
        str | None,
        _option(
            "--served",
            "Of a damping or t that the chip cannot serve: refuse it, or adapt it to the nearest that it serves.",
            _DEVICE,
        ),
    ] = None,
    step_time: Annotated[
        float | None,
        _option(
            "--step-time",
            "The chip drifts for so long from step to step, such as 1s or 5min.",
            _DEVICE,
            quantity("--step-time", "s"),
        ),
    ] = None,
    recalibrate_every: Annotated[
        int | None,
        _option(
            "--recalibrate-every", "Steps between corrections of common drift.", _DEVICE, whole("--recalibrate-every")
        ),
    ] = None,
) -> None:
    """Train and leave metrics (JSON lines), checkpoints and, where it is installed, TensorBoard events.

    Data parallel on several processes: torchrun --nproc-per-node 2 --no-python thermospice train digits
    """
    given = _settings(context.params)
    if os.environ.get("RANK", "0").lstrip("0"):
        # torchrun's first process says all that there is to say, errors included
        with redirect_stdout(None), redirect_stderr(None):
            from ..views import training as _training

            _training.follow(config, given, resume)
        return
    with job("train", out, quiet, as_json, resume) as this:
        garbage_as_usual()
        if resume is None:
            from ..inputs import check_training_names

            check_training_names(config, given)
        from ...netlists.simulators import versions
        from ..views import training as _training
        from ..views import verdicts

        if tune:
            this.finish(_training.tuning(given, trials, this, workers, resume is not None))
            return
        if trials is not None:
            raise InputError("--trials: of --tune, which chooses settings; give it too")
        if resume is not None:
            experiment = _training.resumed(this.folder, given)
        else:
            experiment = _training.requested(config, given, seed, seeds)
            _training.remember(this.folder, experiment)
        runs = _training.run([experiment], this, workers, resume is not None)
        this.show(_training.table(runs))
        for line in _training.told(runs, this.folder):
            this.say(line)
        verdicts.tell(this, experiment.device)
        summary = {**_training.summary(runs), **verdicts.notes(experiment.device), "versions": versions()}
        this.finish(summary, exit_code=1 if any("stopped" in entry for entry in runs) else 0)


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: options[name] for name in _SETTINGS}
    return {**given, "without": given["without"] or None}
