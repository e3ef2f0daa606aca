"""`thermospice calibrate`: from measurements of a chip to its model."""

from pathlib import Path
from typing import Annotated

import typer

from .._job import job
from .._options import AsJson, DesignName, InstanceSeed, LevelName, Out, Quiet, Seed, Temperature, TopologyName

EXAMPLE = "Example: thermospice calibrate --design board-1k-1n --topology crossbar --size 4"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(calibrate)


def calibrate(
    measurements: Annotated[
        list[Path] | None,
        typer.Argument(help="Measurements (.nc) of one chip; without them a drawn chip is measured in ngspice."),
    ] = None,
    design: DesignName = "board-1k-1n",
    topology: TopologyName = "crossbar",
    level: LevelName = "macro",
    size: Annotated[int, typer.Option("--size", help="Cells of the drawn chip.")] = 8,
    programs: Annotated[
        int | None, typer.Option("--programs", help="To measure. [default: three for each cell]", show_default=False)
    ] = None,
    temperature: Temperature = None,
    instance_seed: InstanceSeed = None,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Fit a chip's deviations with standard errors: device.json, and parameters.json beside what was drawn."""
    with job("calibrate", out, quiet, as_json) as this:
        from .. import _calibration as calibration
        from .._inputs import get_design, get_instance, get_level, get_topology

        if measurements:
            instance, data = None, calibration.load(measurements)
        else:
            chip = get_topology(topology, size)
            known = get_design(design, temperature)
            instance = get_instance(known, chip, seed if instance_seed is None else instance_seed)
            count = calibration.check_programs(programs, size)
            with this.step(f"ngspice: {count} programs on a {chip.name} with {size} cells"):
                data = calibration.measure(instance, get_level(level), count, seed)
        with this.step(f"calibrate on {len(data)} measurements"):
            device = calibration.fit(data)
        calibration.write(device, instance, [] if measurements else data, this.folder)
        this.finish(calibration.summary(device, instance))
        this.show(calibration.table(device, instance))
