"""`thermospice train`: one task, one optimiser, several seeds."""

import os
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from .._job import job
from .._options import AsJson, Out, Quiet, Resume, Seed

EXAMPLE = "Example: thermospice train digits --optimizer tngd --solver ideal-spu --seeds 3"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(train)


def _number(name: str, what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, help=f"{what} \\[default: tuned on validation data]", show_default=False
    )
    return option


def train(
    task: Annotated[str | None, typer.Argument(help="digits, regression, logistic, mnist or squad.")] = None,
    optimizer: Annotated[str | None, typer.Option("--optimizer", help="sgd, momentum, adam or tngd.")] = None,
    solver: Annotated[
        str | None,
        typer.Option(
            "--solver",
            help="For tngd: ideal-spu, device-spu, model-spu, spice-spu, cholesky, woodbury or conjugate-gradient.",
        ),
    ] = None,
    device: Annotated[Path | None, typer.Option("--device", help="device.json or population.json of an -spu.")] = None,
    design: Annotated[str | None, typer.Option("--design", help="Design of an -spu without --device.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="YAML file with settings; options win.")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the data of mnist and squad.")] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="How many, from --seed on.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Of the optimiser.")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", help="Samples of a step.")] = None,
    lr: Annotated[float | None, _number("--lr", "Learning rate.")] = None,
    damping: Annotated[float | None, _number("--damping", "Of the curvature.")] = None,
    t: Annotated[float | None, _number("--t", "Analog time of a step, in time constants.")] = None,
    tune: Annotated[
        bool,
        typer.Option("--tune", help="Choose every optimiser's settings by one budget on validation data."),
    ] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="\\[default: one per core]")] = None,
    out: Out = None,
    resume: Resume = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Train and leave metrics (JSON lines), checkpoints and, where it is installed, TensorBoard events.

    Data parallel on several processes: torchrun --nproc-per-node 2 --no-python thermospice train digits
    """
    given = {
        "task": task,
        "optimizer": optimizer,
        "solver": solver,
        "device": device,
        "design": design,
        "data": data,
        "steps": steps,
        "batch_size": batch_size,
        "lr": lr,
        "damping": damping,
        "t": t,
    }
    if int(os.environ.get("RANK", "0")) > 0:
        # torchrun's first process says all that there is to say, errors included
        with redirect_stdout(None), redirect_stderr(None):
            from .. import _training

            _training.follow(config, given, resume)
        return
    with job("train", out, quiet, as_json, resume) as this:
        from .. import _training

        if tune:
            this.finish(_training.tuning(given, this, workers))
            return
        if resume is not None:
            experiment = _training.resumed(this.folder, given)
        else:
            experiment = _training.requested(config, given, seed, seeds)
            _training.remember(this.folder, experiment)
        runs = _training.run([experiment], this, workers, resume is not None)
        this.show(_training.table(runs))
        this.finish(_training.summary(runs), exit_code=1 if any("stopped" in entry for entry in runs) else 0)
