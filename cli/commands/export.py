"""`thermospice export`: a calibrated chip, or a circuit of one's own, for other people's simulators."""

from pathlib import Path
from typing import Annotated

import typer

from .._exceptions import InputError
from ..frame import (
    AsJson,
    Damping,
    DriveCsv,
    DriveScale,
    HessianCsv,
    Include,
    JacobianCsv,
    MatrixCsv,
    NetlistFile,
    Out,
    Outputs,
    Quiet,
    Seed,
    job,
)
from ..jobs import CircuitOptions, export_own, own_circuit

EXAMPLE = (
    "Example: thermospice export results/chip/device.json --to verilog-a --matrix A.csv;"
    " thermospice export --netlist filter.cir --outputs out --to spice"
)
_OF_A_CIRCUIT = ("netlist", "outputs", "include", "to", "name")


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(export)


def export(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", help="verilog-a, spice or numpy.")],
    device: Annotated[
        Path | None,
        typer.Argument(
            help="device.json, as `thermospice calibrate` writes it; not with --netlist.", show_default=False
        ),
    ] = None,
    netlist: NetlistFile = None,
    outputs: Outputs = None,
    include: Include = False,
    matrix: MatrixCsv = None,
    drive: DriveCsv = None,
    jacobian: JacobianCsv = None,
    hessian: HessianCsv = None,
    damping: Damping = None,
    drive_scale: DriveScale = "auto",
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="Of the module or subcircuit. \\[default: topology and size, as crossbar4, or that of the netlist]",
            show_default=False,
        ),
    ] = None,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Write a calibrated chip or a circuit of your own, noise included, for other simulators; inputs are pins.

    A pin b_k at so many volts stands for a drive of b_k; the outputs settle at the answer for b. Beside the chip lies
    a bench that applies --drive. Without --matrix a random program of the --seed is loaded, as `simulate` does.

    Of a --netlist each independent source is an input pin, and the bench has what the netlist gives the sources.
    """
    with job("export", out, quiet, as_json) as this:
        if own_circuit(context, netlist, _OF_A_CIRCUIT):
            assert netlist is not None
            export_own(this, CircuitOptions(netlist, outputs, include), to, name)
            return
        if device is None:
            raise InputError("DEVICE: expected a device.json, as `thermospice calibrate` writes it, or --netlist FILE")
        from ...behavioral.populations import get_device_model
        from ...reports.wording import counted
        from ..views import export as exports

        kind = exports.get_kind(to)
        model = get_device_model(device)
        files = exports.ProgramFiles(matrix, drive, jacobian, hessian, damping, seed)
        program = exports.get_program(model, files)
        chip = exports.Loaded.of(model, program, drive_scale, name)
        with this.step(f"{kind}: {chip.name}, {model.instance.topology.name} with {counted(model.n, 'cell')}"):
            written = exports.write(kind, chip, exports.comments(chip, device), this.folder)
        this.finish(exports.summary(kind, chip, written))
        this.show(exports.table(chip, written))
        for line in exports.told(chip, files):
            this.say(line)
