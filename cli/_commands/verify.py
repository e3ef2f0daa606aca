"""`thermospice verify`: the fidelity table."""

from pathlib import Path
from typing import Annotated

import typer

from .._job import job
from .._options import AsJson, DesignName, Out, Quiet, Resume, Seed

EXAMPLE = "Example: thermospice verify --topology crossbar --size 4"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(verify)


def verify(
    topology: Annotated[
        list[str] | None, typer.Option("--topology", help="One or more. [default: all]", show_default=False)
    ] = None,
    level: Annotated[list[str] | None, typer.Option("--level", help="ideal, macro. [default: all]")] = None,
    size: Annotated[list[int] | None, typer.Option("--size", help="One or more. [default: 1, 3 and 8]")] = None,
    design: DesignName = "board-1k-1n",
    device: Annotated[
        Path | None, typer.Option("--device", help="Check a calibrated model against SPICE of its chip instead.")
    ] = None,
    instance: Annotated[
        Path | None, typer.Option("--instance", help="The chip of --device. [default: instance.json beside it]")
    ] = None,
    second_opinion: Annotated[
        bool | None,
        typer.Option(
            "--second-opinion/--no-second-opinion",
            help="Rows of ngspice against VACASK, an independent simulator (pip install 'thermospice[vacask]')."
            " [default: when it is installed]",
            show_default=False,
        ),
    ] = None,
    out: Out = None,
    resume: Resume = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Symbolic against SPICE against behavioural: each comparison with its limit; exit code 1 when one fails."""
    with job("verify", out, quiet, as_json, resume) as this:
        from .. import _verification as verification

        if resume is not None:
            request, done = verification.resume(resume)
        else:
            opinions = verification.opinions_wanted(second_opinion, calibrated=device is not None)
            chip = (None if device is None else str(device), None if instance is None else str(instance))
            request = verification.Request(topology or (), level or (), size or (), design, seed, *chip, opinions)
            done = {}
        rows = verification.run(request, done, this)
        this.show(verification.table(rows))
        failed = sum(not row["passed"] for row in rows)
        summary = {"passed": len(rows) - failed, "failed": failed, "rows": rows, "seed": request.seed}
        this.finish(summary, exit_code=1 if failed else 0)
