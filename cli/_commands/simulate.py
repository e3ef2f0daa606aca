"""`thermospice simulate`: one chip, one program, one analysis in ngspice."""

from pathlib import Path
from typing import Annotated

import typer

from .._job import job
from .._options import (
    AsJson,
    DesignName,
    DriveCsv,
    DriveScale,
    InstanceSeed,
    LevelName,
    MatrixCsv,
    NoMismatch,
    Out,
    Quiet,
    Seed,
    Size,
    Temperature,
    TopologyName,
)

EXAMPLE = "Example: thermospice simulate --design board-1k-1n --topology crossbar --analysis tran --size 8"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(simulate)


def simulate(
    design: DesignName = "board-1k-1n",
    topology: TopologyName = "crossbar",
    level: LevelName = "macro",
    analysis: Annotated[str, typer.Option("--analysis", help="op, ac, noise or tran.")] = "tran",
    size: Size = None,
    matrix: MatrixCsv = None,
    drive: DriveCsv = None,
    temperature: Temperature = None,
    duration: Annotated[
        float | None,
        typer.Option("--duration", help="Of a transient [s]. [default: until settled]", show_default=False),
    ] = None,
    noise: Annotated[bool, typer.Option("--noise/--no-noise", help="A transient with seeded noise.")] = False,
    instance_seed: InstanceSeed = None,
    no_mismatch: NoMismatch = False,
    drive_scale: DriveScale = "auto",
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run one analysis of one chip in ngspice: circuit, measurement, plot and summary."""
    with job("simulate", out, quiet, as_json) as this:
        from .. import _simulation
        from .._inputs import ProgramOptions, get_design, get_instance, get_level, get_scaling

        kind = _simulation.get_analysis(analysis, noise)
        the_design, the_level = get_design(design, temperature), get_level(level)
        chip, program = ProgramOptions(size, matrix, drive, seed).load(topology)
        instance = get_instance(the_design, chip, seed if instance_seed is None else instance_seed, not no_mismatch)
        scaling = get_scaling(instance, program, the_level, drive_scale)
        request = _simulation.Request(instance, program, kind, the_level, scaling, duration, noise, seed)
        with this.step(f"ngspice: {analysis} of a {chip.name} with {program.n} cells"):
            result = _simulation.run(request)
        _simulation.write(request, result, Path(this.folder))
        this.finish(_simulation.summary(request, result))
        this.show(_simulation.table(request, result))
        if "predicted_relative_error" in this.summary:
            error, predicted = this.summary["relative_error"], this.summary["predicted_relative_error"]
            this.say(f"relative error {error:.3g}; the circuit's own equations predict {predicted:.3g}")
        for warning in result.warnings:
            this.say(f"warning: {warning}")
