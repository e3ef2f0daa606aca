"""`thermospice run`: the main job, from a drawn chip to the report."""

from typing import Annotated

import typer

from ..frame import AsJson, Out, Quiet, Resume, Seed, garbage_as_usual, job

EXAMPLE = "Example: thermospice run --quick --out results/first"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(run)


def run(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer seeds and steps: within a minute.")] = False,
    out: Out = None,
    resume: Resume = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Draw an 8-cell chip, prove, simulate, model and calibrate it, train a classifier with it, and report."""
    with job("run", out, quiet, as_json, resume) as this:
        garbage_as_usual()
        from ..frame import refuse_beside
        from ..main_job import JobSettings, State, main_job

        if resume is not None:
            refuse_beside(context, "--resume", "goes on with the options of the first run")
            state = State.resume(resume)
        else:
            state = State.fresh(this.folder, JobSettings(seed=seed, quick=quick))
        this.say(f"main job in {this.folder}")
        main_job(state, this)
