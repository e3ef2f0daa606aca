"""`thermospice designs`: the presets, or one design with its sources."""

from typing import Annotated

import typer

from ..frame import AsJson, Out, Quiet, Seed, job

EXAMPLE = "Example: thermospice designs board-1k-1n"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(designs)


def designs(
    name: Annotated[
        str | None, typer.Argument(help="A preset, or the path of a .yaml file; without it, all presets.")
    ] = None,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """List the presets, or print one design: every key with value, unit and meaning, and the source of each number."""
    with job("designs", out, quiet, as_json) as this:
        from dataclasses import asdict

        from rich.table import Table

        from ...circuits import Design
        from ...circuits.trials import get_design
        from ..views import commented, keys_of

        if name is not None:
            design = get_design(name)
            this.print_text(commented(design))
            keys = [{**asdict(key), "path": key.name} for key in keys_of(design)]
            this.answer({"design": design.to_dict(), "keys": keys})
            return
        known = [Design.preset(preset) for preset in Design.presets()]
        table = Table("name", "R0 (ohm)", "C (F)", "tau (s)", "description", box=None)
        for design in known:
            table.add_row(design.name, f"{design.R0:g}", f"{design.C:g}", f"{design.tau:g}", design.description)
        this.show(table)
        this.answer({"designs": [{"name": d.name, "description": d.description} for d in known]})
