"""`thermospice verify`: the fidelity table."""

from pathlib import Path
from typing import Annotated

import typer

from ..frame import (
    AmplifierFile,
    AsJson,
    Include,
    NetlistFile,
    Out,
    Outputs,
    Pair,
    PairCommand,
    Pins,
    Quiet,
    Resume,
    Seed,
    Subcircuit,
    Supply,
    Temperature,
    TolerancesFile,
    Trust,
    job,
    pair,
    whole,
)
from ..jobs import CircuitOptions, own_circuit, records_of_a_circuit, verify_own

_ON_A_BENCH = ("netlist", "outputs", "include", "tolerances", "temperature", "lab", "records")
EXAMPLE = (
    "Example: thermospice verify --topology crossbar --size 4;"
    " thermospice verify --device results/chip/device.json --measurements lab/check-*.csv"
)

_OF_A_CIRCUIT = ("netlist", "outputs", "include", "tolerances", "temperature", "band", "second_opinion")


def add_to(app: typer.Typer) -> None:
    app.command(cls=PairCommand, epilog=EXAMPLE)(verify)


def verify(
    context: typer.Context,
    netlist: NetlistFile = None,
    outputs: Outputs = None,
    include: Include = False,
    tolerances: TolerancesFile = None,
    temperature: Temperature = None,
    band: Annotated[
        Pair | None,
        typer.Option(
            "--band",
            parser=pair("--band", "Hz"),
            metavar="LOW,HIGH",
            help=r"Of the covariance of a --netlist, such as 200,50k. \[default: everything]",
            show_default=False,
        ),
    ] = None,
    records: Annotated[
        list[Path] | None, typer.Argument(help="More records of --measurements.", show_default=False)
    ] = None,
    topology: Annotated[
        list[str] | None, typer.Option("--topology", help="One or more. \\[default: all]", show_default=False)
    ] = None,
    level: Annotated[
        list[str] | None,
        typer.Option("--level", help="ideal, macro, transistor. \\[default: ideal and macro]", show_default=False),
    ] = None,
    size: Annotated[
        list[int] | None,
        typer.Option(
            "--size",
            parser=whole("--size"),
            metavar="INTEGER",
            help="One or more; a cascade of n cells has n/2 rows of J. \\[default: 1, 4, 8, 16, 32, at level ideal 64]",
            show_default=False,
        ),
    ] = None,
    design: Annotated[
        str | None,
        typer.Option(
            "--design",
            help="Name of a preset (`thermospice designs`) or path of a .yaml file. \\[default: board-1k-1n;"
            " cmos-100k-10p for transistors]",
            show_default=False,
        ),
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Also 64 cells, transistors, and records of noise of every chip; takes minutes."),
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="1 and 4 cells, without corners, drift, other chips and calibration.")
    ] = False,
    device: Annotated[
        Path | None, typer.Option("--device", help="Check a calibrated model against SPICE of its chip instead.")
    ] = None,
    instance: Annotated[
        Path | None, typer.Option("--instance", help="The chip of --device. \\[default: instance.json beside it]")
    ] = None,
    lab: Annotated[
        list[Path] | None,
        typer.Option(
            "--measurements",
            help="With --device or --netlist: lab data that were not fitted, each record against the model by its noise"
            " and error bars; lab.yaml beside them, or given too, says what is not in the files.",
            show_default=False,
        ),
    ] = None,
    second_opinion: Annotated[
        bool | None,
        typer.Option(
            "--second-opinion/--no-second-opinion",
            help="Rows of ngspice against VACASK, an independent simulator (pip install 'thermospice\\[vacask]')."
            " \\[default: when it is installed]",
            show_default=False,
        ),
    ] = None,
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
    """Symbolic against SPICE against behavioural: each comparison with its limit; exit code 1 when one fails."""
    with job("verify", out, quiet, as_json, resume) as this:
        from ...fidelity import opinions_wanted
        from ...netlists.simulators import versions
        from .._exceptions import InputError
        from ..frame import refuse_beside
        from ..inputs import AmplifierOptions
        from ..jobs import circuit_lab
        from ..views import fidelity as verification

        files = [*(lab or ()), *(records or ())]
        if device is None and records_of_a_circuit(files, netlist, asked=bool(lab)):
            refuse_beside(context, "--measurements", "they are compared with the netlist alone", _ON_A_BENCH)
            circuits = circuit_lab.CircuitFiles(netlist, outputs, tolerances, temperature, include)
            circuit_lab.verify_on_bench(this, files, circuits)
            return
        if own_circuit(context, netlist, _OF_A_CIRCUIT):
            assert netlist is not None
            limits = None if band is None else (band.low, band.high)
            which = CircuitOptions(netlist, outputs, include, tolerances)
            verify_own(this, which, temperature, limits, seed, second_opinion)
            return
        if lonely := [n for n, given in (("temperature", temperature), ("band", band)) if given is not None]:
            raise InputError(f"--{lonely[0]}: belongs to --netlist FILE, which is not there")
        if files and device is None:
            raise InputError("--measurements: are compared with --device FILE or --netlist FILE, and neither is there")
        if files and device is not None:
            refuse_beside(
                context, "--measurements", "they are compared with --device alone", ("device", "lab", "records")
            )
            if circuit_lab.holds_circuit_model(device):
                circuit_lab.verify_device_on_bench(this, device, files)
            else:
                verification.against_lab(this, device, files)
            return
        own = AmplifierOptions(amplifier, subcircuit, pins, supply, trust)
        own.check()
        if instance is not None and device is None and resume is None:
            raise InputError("--instance: is the chip of --device FILE, which is not there; give it too")
        if device is not None:
            calibrated = ("device", "instance", "second_opinion")
            refuse_beside(context, "--device", "the calibrated model says what chip it is of", calibrated)
        if resume is not None:
            refuse_beside(context, "--resume", "goes on with the options of the first run")
        if resume is not None:
            request, done = verification.resume(resume)
        else:
            opinions = opinions_wanted(second_opinion, calibrated=device is not None)
            chip = (None if device is None else str(device), None if instance is None else str(instance))
            depth = verification.depth(quick, full)
            request = verification.VerificationRequest(
                topology or (), level or (), size or (), seed, design, *chip, opinions, depth
            )
            request = verification.with_own_amplifier(this, request, own)
            done = {}
        rows = verification.run(request, done, this)
        this.show(verification.table(rows))
        failed = sum(not row["passed"] for row in rows)
        summary = {"passed": len(rows) - failed, "failed": failed, "rows": rows, "seed": request.seed}
        this.finish({**summary, "versions": versions()}, exit_code=1 if failed else 0)
