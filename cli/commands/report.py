"""`thermospice report`: the page about result folders."""

from pathlib import Path
from typing import Annotated

import typer

from ..frame import AsJson, Out, Quiet, Seed, job

EXAMPLE = "Example: thermospice report results/run-20260131-120000"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(report)


def report(
    folders: Annotated[list[Path], typer.Argument(help="Folders that other commands left.", metavar="DIR...")],
    interactive: Annotated[
        bool,
        typer.Option(
            "--interactive",
            help="Figures zoom, tell their values and hide lines at a click; the page grows by 5 MB, and still loads"
            " nothing (pip install 'thermospice\\[interactive]').",
        ),
    ] = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Build report.html again from what is on disk: in the folder itself, or in --out for several.

    Beside it lies every table of it as CSV, in the folder `tables`.
    """
    with job("report", out, quiet, as_json) as this:
        from ...reports import build_report

        if out is None and len(folders) == 1:
            # The page belongs to its folder; there the summary is that of the command that made the results.
            page = build_report(folders, folders[0] / "report.html", interactive)
            this.answer({"report": str(page), "folders": [str(f) for f in folders]})
        else:
            this.folder.mkdir(parents=True, exist_ok=True)
            page = build_report(folders, this.folder / "report.html", interactive)
            this.finish({"report": str(page), "folders": [str(f) for f in folders]})
        this.say(f"wrote {page}")
