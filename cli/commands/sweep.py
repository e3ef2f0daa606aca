"""`thermospice sweep`: a study over design or training parameters."""

from pathlib import Path
from typing import Annotated

import typer

from ..frame import AsJson, Out, Quiet, Resume, job, whole

EXAMPLE = "Example: thermospice sweep examples/studies/monte-carlo-crossbar.yaml --out results/chips"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(sweep)


def sweep(
    study: Annotated[
        Path | None,
        typer.Argument(help="YAML file of the study; with --resume that of the folder.", metavar="STUDY.yaml"),
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

    A run that was done is never done again. Exit code 1: runs failed, or a required yield was not reached.
    """
    with job("sweep", out, quiet, as_json, resume) as this:
        from ...campaigns import Execution
        from .._exceptions import InputError
        from ..views import campaign

        if resume is not None and out is not None:
            raise InputError("--out: --resume goes on in its own folder; give one of the two")
        campaign(this, study, seed, Execution(resume is not None, scheduler, workers, retry_failed))
