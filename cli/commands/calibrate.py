"""`thermospice calibrate`: from measurements of a chip, or of many, to their model."""

from pathlib import Path
from typing import Annotated

import typer

from ..frame import (
    AmplifierFile,
    AsJson,
    ChipLevel,
    DesignName,
    Include,
    InstanceSeed,
    NetlistFile,
    Out,
    Outputs,
    PairCommand,
    Pins,
    Quiet,
    Rank,
    Resume,
    Seed,
    Subcircuit,
    Supply,
    Temperature,
    TolerancesFile,
    TopologyName,
    Trust,
    job,
    quantity,
    whole,
)

_OF_A_CIRCUIT = (
    "netlist",
    "outputs",
    "include",
    "tolerances",
    "analysis",
    "temperature",
    "instance_seed",
    "measurements",
    "lab",
)
_ON_A_BENCH = (
    "netlist",
    "outputs",
    "include",
    "tolerances",
    "temperature",
    "measurements",
    "lab",
    "nuisance",
    "held_out",
)
EXAMPLE = (
    "Example: thermospice calibrate --design board-1k-1n --topology crossbar --size 4 --held-out 4;"
    " for a process: thermospice calibrate --size 4 --instances 20;"
    " for lab data: thermospice calibrate --measurements lab.yaml step-*.csv"
)


def add_to(app: typer.Typer) -> None:
    app.command(cls=PairCommand, epilog=EXAMPLE)(calibrate)


def calibrate(
    context: typer.Context,
    measurements: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Measurements (.nc) of one chip, or one folder of them for each chip of a process; without them drawn"
            " chips are measured in ngspice."
        ),
    ] = None,
    lab: Annotated[
        list[Path] | None,
        typer.Option(
            "--measurements",
            help="Lab data: records (.csv, .txt, .raw, .s2p, .nc) and a .yaml that says what is not in them; more files"
            " may follow without the option. \\[default of the .yaml: lab.yaml beside the records]",
            show_default=False,
        ),
    ] = None,
    netlist: NetlistFile = None,
    outputs: Outputs = None,
    include: Include = False,
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
            help="To measure. \\[default: three for each cell, two of more than 24 cells]",
            show_default=False,
        ),
    ] = None,
    analysis: Annotated[
        list[str] | None,
        typer.Option(
            "--analysis",
            help="What to measure: op, tran, ac, noise, record (a noisy transient); give it again for more."
            " \\[default: tran and noise, for a cascade or an rlc-grid also ac;"
            " of more than 16 cells most programs by op]",
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
            help="Then compare so many other programs, every second one 30 K warmer; of lab data, keep back the last"
            " so many records.",
        ),
    ] = 0,
    nuisance: Annotated[
        list[str] | None,
        typer.Option(
            "--nuisance",
            help="Unknowns of the bench to infer beside the chip, with commas between them or given again:"
            " trigger-delay, readout-gain, readout-offset, baseline, leak, stray-capacitance, cell-noise; of a"
            " --netlist also drift, hum.",
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
    amplifier: AmplifierFile = None,
    subcircuit: Subcircuit = None,
    pins: Pins = None,
    trust: Trust = False,
    supply: Supply = None,
    out: Out = None,
    resume: Resume = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Fit a chip's deviations with standard errors: device.json, and parameters.json beside what was drawn.

    With --netlist FILE and --tolerances FILE: the elements of a circuit of your own, from measurements of it (the
    measurement.nc of `simulate --netlist`, or lab data), or of a chip that is drawn from the tolerances and measured in
    ngspice.

    With --instances, or folders of several chips: the means and spreads of their process, population.json, which
    `thermospice train --device` takes too. Exit code 1: the measurements contradict the design, so that error bars
    fall back to its tolerances, or a held-out program is beyond its limit.
    """
    with job("calibrate", out, quiet, as_json, resume) as this:
        from ..frame import refuse_beside, written
        from ..jobs import CircuitOptions, calibrate_own, own_circuit, records_of_a_circuit

        records = [*(lab or ()), *(measurements or ())]
        if records_of_a_circuit(records, netlist, asked=bool(lab)):
            refuse_beside(context, "--measurements", "the records are of a netlist", _ON_A_BENCH)
            from ..jobs import circuit_lab

            circuit_lab.calibrate_on_bench(
                this,
                records,
                circuit_lab.CircuitFiles(netlist, outputs, tolerances, temperature, include),
                nuisance or (),
                held_out,
            )
            return
        if own_circuit(context, netlist, _OF_A_CIRCUIT):
            assert netlist is not None
            which = CircuitOptions(netlist, outputs, include, tolerances, instance_seed)
            calibrate_own(this, which, tuple(analysis or ()), records, temperature, seed)
            return
        from ..inputs import AmplifierOptions
        from ..inputs import lab as lab_data
        from ..jobs import calibration as jobs

        nuisances = jobs.get_nuisances(nuisance)
        own = AmplifierOptions(amplifier, subcircuit, pins, supply, trust)
        own.check()
        from_bench = lab_data.is_lab(records, asked=bool(lab))
        jobs.check_together(records, instances, 0 if from_bench else held_out, keep_below, resume, out)
        if from_bench:
            refuse_beside(context, "MEASUREMENTS", "the bench has measured already", lab_data.OPTIONS)
        elif records:
            fitting = ("measurements", "lab", "nuisance")
            refuse_beside(context, "MEASUREMENTS", "they say themselves what chip they are of", fitting)
        if resume is not None:
            refuse_beside(context, "--resume", "goes on with the options of the first run")
        if resume is not None:
            jobs.resume_campaign(this)
        elif from_bench:
            facts = {name: context.params[name] for name in written(context) if name in lab_data.FACTS}
            jobs.from_lab(this, records, nuisances, facts, held_out)
        elif records:
            jobs.from_files(this, records, nuisances)
        else:
            request = jobs.CalibrationRequest(
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
            request = jobs.with_own_amplifier(this, request, own)
            jobs.from_drawn(this, request, held_out, keep_below) if instances is None else jobs.campaign(this, request)
