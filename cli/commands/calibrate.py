"""`thermospice calibrate`: from measurements of a chip, or of many, to their model."""

from pathlib import Path
from typing import Annotated

import typer

from ..frame import (
    AsJson,
    ChipLevel,
    DesignName,
    InstanceSeed,
    NetlistFile,
    Out,
    Outputs,
    Quiet,
    Rank,
    Resume,
    Seed,
    Temperature,
    TolerancesFile,
    TopologyName,
    job,
    quantity,
    whole,
)
from ._own_circuits import CircuitOptions, calibrate_own, own_circuit

_OF_A_CIRCUIT = (
    "netlist",
    "outputs",
    "tolerances",
    "analysis",
    "temperature",
    "instance_seed",
    "measurements",
)
EXAMPLE = (
    "Example: thermospice calibrate --design board-1k-1n --topology crossbar --size 4 --held-out 4;"
    " for a process: thermospice calibrate --size 4 --instances 20"
)


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(calibrate)


def calibrate(
    context: typer.Context,
    measurements: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Measurements (.nc) of one chip, or one folder of them for each chip of a process; without them drawn"
            " chips are measured in ngspice."
        ),
    ] = None,
    netlist: NetlistFile = None,
    outputs: Outputs = None,
    tolerances: TolerancesFile = None,
    design: DesignName = None,
    topology: TopologyName = "crossbar",
    level: ChipLevel = None,
    size: Annotated[
        int, typer.Option("--size", parser=whole("--size"), metavar="INTEGER", help="Cells of the drawn chip.")
    ] = 8,
    rank: Rank = None,
    programs: Annotated[
        int | None,
        typer.Option(
            "--programs",
            parser=whole("--programs"),
            metavar="INTEGER",
            help="To measure. \\[default: three for each cell]",
            show_default=False,
        ),
    ] = None,
    analysis: Annotated[
        list[str] | None,
        typer.Option(
            "--analysis",
            help="What to measure: op, tran, ac, noise, record (a noisy transient); give it again for more."
            " \\[default: tran and noise, for a cascade or an rlc-grid also ac]",
            show_default=False,
        ),
    ] = None,
    instances: Annotated[
        int | None,
        typer.Option(
            "--instances",
            parser=whole("--instances"),
            metavar="INTEGER",
            help="Draw and measure so many chips, for the model of their process: population.json.",
            show_default=False,
        ),
    ] = None,
    held_out: Annotated[
        int,
        typer.Option(
            "--held-out",
            parser=whole("--held-out", 0),
            metavar="INTEGER",
            help="Then compare so many other programs, every second one 30 K warmer.",
        ),
    ] = 0,
    nuisance: Annotated[
        list[str] | None,
        typer.Option(
            "--nuisance",
            help="Unknowns of the bench to infer beside the chip, with commas between them or given again:"
            " trigger-delay, readout-gain, readout-offset, baseline, leak, stray-capacitance, cell-noise.",
            show_default=False,
        ),
    ] = None,
    keep_below: Annotated[
        float | None,
        typer.Option(
            "--keep-below",
            parser=quantity("--keep-below", ""),
            metavar="NUMBER",
            help="How often to calibrate again against the design's drift, for a relative error such as 0.01 or 1%.",
            show_default=False,
        ),
    ] = None,
    temperature: Temperature = None,
    instance_seed: InstanceSeed = None,
    out: Out = None,
    resume: Resume = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Fit a chip's deviations with standard errors: device.json, and parameters.json beside what was drawn.

    With --netlist FILE and --tolerances FILE: the elements of a circuit of your own, from measurements of it (the
    measurement.nc of `simulate --netlist`), or of a chip that is drawn from the tolerances and measured in ngspice.

    With --instances, or folders of several chips: the means and spreads of their process, population.json, which
    `thermospice train --device` takes too. Exit code 1: the measurements contradict the design, so that error bars
    fall back to its tolerances, or a held-out program is beyond its limit.
    """
    with job("calibrate", out, quiet, as_json, resume) as this:
        if own_circuit(context, netlist, _OF_A_CIRCUIT):
            assert netlist is not None
            which = CircuitOptions(netlist, outputs, tolerances, instance_seed)
            calibrate_own(this, which, tuple(analysis or ()), tuple(measurements or ()), temperature, seed)
            return
        from ..frame import refuse_beside
        from . import _calibration_jobs as jobs

        nuisances = jobs.get_nuisances(nuisance)
        jobs.check_together(measurements, instances, held_out, keep_below, resume, out)
        if measurements:
            fitting = ("measurements", "nuisance")
            refuse_beside(context, "MEASUREMENTS", "they say themselves what chip they are of", fitting)
        if resume is not None:
            refuse_beside(context, "--resume", "goes on with the options of the first run")
        if resume is not None:
            jobs.resume_campaign(this)
        elif measurements:
            jobs.from_files(this, measurements, nuisances)
        else:
            request = jobs.Request(
                topology,
                size,
                seed,
                design,
                level,
                rank,
                programs,
                analysis,
                temperature,
                instance_seed,
                instances,
                nuisances,
            )
            jobs.from_drawn(this, request, held_out, keep_below) if instances is None else jobs.campaign(this, request)
