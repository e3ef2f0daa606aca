"""`thermospice simulate`: one chip, one program, one analysis in ngspice."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..frame import (
    AmplifierFile,
    AsJson,
    At,
    ChipLevel,
    Corner,
    Damping,
    DesignName,
    DriveCsv,
    DriveScale,
    EngineName,
    HessianCsv,
    Include,
    Input,
    InstanceSeed,
    JacobianCsv,
    MatrixCsv,
    NetlistFile,
    NoMismatch,
    Out,
    Outputs,
    Pair,
    PairCommand,
    Pins,
    Quiet,
    Rank,
    Seed,
    Size,
    Subcircuit,
    Supply,
    Temperature,
    Timeout,
    TolerancesFile,
    TopologyName,
    Trust,
    job,
    pair,
    quantity,
)
from ..jobs import CircuitOptions, SimulationOptions, own_circuit, simulate_own

_OF_A_CIRCUIT = (
    "netlist",
    "outputs",
    "include",
    "tolerances",
    "input",
    "analysis",
    "temperature",
    "duration",
    "noise",
    "band",
    "instance_seed",
    "trust",
    "timeout",
)
"""Options that mean something to a circuit of one's own."""

if TYPE_CHECKING:
    from ...circuits import Instance, Level, Program
    from ...files.forecasts import Forecast
    from ...measurements import Analysis
    from ...netlists.vacask import Engine
    from ..frame import Job

EXAMPLE = "Example: thermospice simulate --design board-1k-1n --topology crossbar --analysis tran --size 8"


def add_to(app: typer.Typer) -> None:
    app.command(cls=PairCommand, epilog=EXAMPLE)(simulate)


def simulate(
    context: typer.Context,
    netlist: NetlistFile = None,
    outputs: Outputs = None,
    include: Include = False,
    tolerances: TolerancesFile = None,
    input: Input = None,
    design: DesignName = None,
    topology: TopologyName = "crossbar",
    level: ChipLevel = None,
    analysis: Annotated[str, typer.Option("--analysis", help="op, ac, noise or tran.")] = "tran",
    size: Size = None,
    matrix: MatrixCsv = None,
    drive: DriveCsv = None,
    rank: Rank = None,
    jacobian: JacobianCsv = None,
    hessian: HessianCsv = None,
    damping: Damping = None,
    temperature: Temperature = None,
    corner: Corner = "typical",
    at: At = None,
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration",
            parser=quantity("--duration", "s"),
            metavar="SECONDS",
            help="Of a transient, such as 20us. \\[default: until settled]",
            show_default=False,
        ),
    ] = None,
    noise: Annotated[bool, typer.Option("--noise/--no-noise", help="A transient with seeded noise.")] = False,
    band: Annotated[
        Pair | None,
        typer.Option(
            "--band",
            parser=pair("--band", "Hz"),
            metavar="LOW,HIGH",
            help=r"Of the noise's covariance, such as 1k,1Meg. \[default: everything]",
            show_default=False,
        ),
    ] = None,
    instance_seed: InstanceSeed = None,
    no_mismatch: NoMismatch = False,
    drive_scale: DriveScale = "auto",
    amplifier: AmplifierFile = None,
    subcircuit: Subcircuit = None,
    pins: Pins = None,
    trust: Trust = False,
    supply: Supply = None,
    engine: EngineName = "ngspice",
    timeout: Timeout = None,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run one analysis of one chip, or of a circuit of your own: circuit, measurement, plot and summary.

    Exit code 1: the simulator's numbers are not those of the circuit's equations, within the amplifiers' limits.
    """
    with job("simulate", out, quiet, as_json) as this:
        if own_circuit(context, netlist, _OF_A_CIRCUIT):
            assert netlist is not None
            simulate_own(
                this,
                CircuitOptions(netlist, outputs, include, tolerances, instance_seed, trust),
                SimulationOptions(analysis, temperature, band, duration, input, noise, seed, timeout),
            )
            return
        from ...circuits.trials import get_chip_design, get_chip_level, get_instance
        from ...netlists.amplifiers import amplifier_of
        from ...netlists.runs import Request, get_analysis, granted, run
        from ...netlists.vacask import get_engine
        from ...reports.wording import counted
        from ..inputs import ProgramOptions, amplifiers, get_scaling
        from ..inputs import chips as inputs

        limits = None if band is None else (band.low, band.high)
        the_engine = get_engine(engine)
        kind = get_analysis(analysis, noise, duration, limits)
        own = amplifiers.AmplifierOptions(amplifier, subcircuit, pins, supply, trust)
        own.check()
        # an amplifier of one's own fits on the usual board
        ours = level if amplifier is None else None
        board = get_chip_design(topology, design, temperature, corner, ours)
        the_level = get_chip_level(own.level(level), board, topology)
        the_design = own.put(board, the_level)
        options = ProgramOptions(size, matrix, drive, seed, rank, jacobian, hessian, damping)
        chip, program = options.load(topology)
        fresh = get_instance(the_design, chip, seed if instance_seed is None else instance_seed, not no_mismatch)
        instance = inputs.get_aged(fresh, at)
        expected = _forecast(this, instance, program, the_level, kind, timeout)
        scaling = get_scaling(instance, program, the_level, drive_scale)
        request = Request(
            instance,
            program,
            kind,
            the_level,
            scaling,
            duration,
            noise,
            seed,
            amplifier_of(the_design) if the_level == "transistor" else None,
            corner,
            at,
            temperature,
            limits,
            granted(expected) if timeout is None else timeout,
            the_engine,
        )
        what = f"{chip.name} with {counted(program.n, 'cell')}, design {the_design.name}, level {the_level}"
        with this.step(f"{_simulators(the_engine)}: {analysis}, {what}"):
            result = run(request)
        # Figures take longer to load than a small circuit to simulate, and a mistake needs none.
        from ..views import noise as _noise
        from ..views import simulation as _simulation

        origins = _noise.origins(request, result)
        _simulation.write(request, result, origins, Path(this.folder))
        this.finish(_simulation.summary(request, result, origins), exit_code=1 if result.faults else 0)
        this.show(_simulation.table(request, result))
        if origins is not None:
            this.show(_noise.table(origins))
        if scaling.drive != 1:
            this.say(f"the circuit ran with {scaling.drive:g} times the drive: its answer is v divided by that")
        if the_engine == "auto":
            this.say(f"engine: {this.summary['engine']} {this.summary['version']}")
        for line in (*_simulation.told(request, this.summary), *_noise.told(origins), *amplifiers.told(the_design)):
            this.say(line)
        for warning in _simulation.shown_warnings(result):
            this.say(f"warning: {warning}")
        for fault in result.faults:
            this.say(f"failed: {fault}")


def _simulators(engine: "Engine") -> str:
    return {"ngspice": "ngspice", "vacask": "VACASK", "auto": "ngspice or VACASK"}[engine]


def _forecast(
    this: "Job",
    instance: "Instance",
    program: "Program",
    level: "Level",
    analysis: "Analysis",
    timeout: float | None,
) -> "Forecast":
    """What is coming, said beforehand where it is long or large, and refused where it does not fit."""
    from ...circuits import Scaling
    from ...circuits.loaded_chips import loaded_chip
    from ...netlists.runs import check_size, forecast
    from ..forecasts import announce

    check_size(instance, program)
    # Most often the chip that is simulated afterwards, which is remembered.
    return announce(this, forecast(loaded_chip(instance, program, level, Scaling()).network, analysis), timeout)
