"""`thermospice sweep`: a study over design or training parameters."""

from pathlib import Path
from typing import Annotated

import typer

from ..frame import (
    AsJson,
    Include,
    NetlistFile,
    Out,
    Outputs,
    Quiet,
    Resume,
    TolerancesFile,
    job,
    quantity,
    whole,
)
from ..jobs import own_circuit

_OF_A_CIRCUIT = (
    "netlist",
    "outputs",
    "include",
    "tolerances",
    "instances",
    "scheduler",
    "scheduler_timeout",
    "workers",
    "retry_failed",
)

EXAMPLE = "Example: thermospice sweep examples/studies/monte-carlo-crossbar.yaml --out results/chips"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(sweep)


def sweep(
    context: typer.Context,
    study: Annotated[
        Path | None,
        typer.Argument(help="YAML file of the study; with --resume that of the folder.", metavar="STUDY.yaml"),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Folder of the data of a training, as of mnist. \\[default: the study's]", show_default=False
        ),
    ] = None,
    netlist: NetlistFile = None,
    outputs: Outputs = None,
    include: Include = False,
    tolerances: TolerancesFile = None,
    instances: Annotated[
        int | None,
        typer.Option(
            "--instances",
            parser=whole("--instances", 1),
            metavar="INTEGER",
            help="Chips drawn from --tolerances under each condition. \\[default: 100]",
            show_default=False,
        ),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(
            "--junit",
            help="JUnit XML of the limits of a netlist, for continuous integration; also in the folder as junit.xml.",
            show_default=False,
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            help="Address of a Dask scheduler: whoever can reach it can run code on this machine and on its workers."
            " \\[default: this machine]",
            show_default=False,
        ),
    ] = None,
    scheduler_timeout: Annotated[
        float | None,
        typer.Option(
            "--scheduler-timeout",
            parser=quantity("--scheduler-timeout", "s"),
            metavar="SECONDS",
            help="Most time that the scheduler may say nothing, be away, or have no worker, such as 10s."
            " \\[default: 30 s]",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            parser=whole("--workers", 1),
            metavar="INTEGER",
            help="Processes. \\[default: one per core]",
            show_default=False,
        ),
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="With --resume: try failed runs again.")] = False,
    out: Out = None,
    resume: Resume = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", parser=whole("--seed", 0), metavar="INTEGER", help="Instead of the study's.", show_default=False
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Perform every run of a study and leave table.csv, results.nc, pictures and summary.json.

    A run that was done is never done again. Exit code 1: runs failed, a required yield was not reached, or the
    cheapest design of a search does not keep its limits on new chips.
    """
    with job("sweep", out, quiet, as_json, resume) as this:
        from ...campaigns import Execution
        from .._exceptions import InputError
        from ..jobs import perform_campaign

        if resume is not None and out is not None:
            raise InputError("--out: --resume goes on in its own folder; give one of the two")
        if scheduler_timeout is not None and scheduler is None:
            raise InputError("--scheduler-timeout: without --scheduler there is none to wait for")
        silence = Execution().scheduler_timeout if scheduler_timeout is None else scheduler_timeout
        execution = Execution(resume is not None, scheduler, workers, retry_failed, silence)
        if own_circuit(context, netlist, (*_OF_A_CIRCUIT, "junit")):
            from ..inputs import get_study

            assert netlist is not None
            found = get_study(netlist, outputs, include, tolerances, instances, seed or 0)
            perform_campaign(this, None, None, execution, (found, str(netlist)), junit)
        else:
            perform_campaign(this, study, seed, execution, junit=junit, data=data)
