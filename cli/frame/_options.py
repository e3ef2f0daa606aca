"""Options that several commands share, so that they read the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

from ._numbers import Pair, pair, quantity, whole

Out = Annotated[
    Path | None,
    typer.Option("--out", help="New folder for the results. \\[default: results/<command>-<time>]", show_default=False),
]
Resume = Annotated[
    Path | None,
    typer.Option("--resume", help="Go on in the folder of an interrupted run, with its options.", show_default=False),
]
Seed = Annotated[
    int, typer.Option("--seed", parser=whole("--seed", 0), metavar="INTEGER", help="Seed of everything random.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object (summary.json) and nothing else.")]

DesignName = Annotated[
    str | None,
    typer.Option(
        "--design",
        help="Name of a preset (`thermospice designs`) or path of a .yaml file. \\[default: board-1k-1n;"
        " cmos-100k-10p for transistors, rlc-board-8 for an rlc-grid]",
        show_default=False,
    ),
]
TopologyName = Annotated[
    str, typer.Option("--topology", help="rc-mesh, differential-rc-mesh, crossbar, cascade or rlc-grid.")
]
LevelName = Annotated[str, typer.Option("--level", help="How deep the netlist goes: ideal, macro or transistor.")]
ChipLevel = Annotated[
    str | None,
    typer.Option(
        "--level",
        help="How deep the netlist goes: ideal, macro or transistor. \\[default: macro; ideal for a design without"
        " amplifiers]",
        show_default=False,
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        parser=quantity("--temperature", "K"),
        metavar="KELVIN",
        help="Of all components, such as 350, 77K or 85degC. \\[default: the design's]",
        show_default=False,
    ),
]
Corner = Annotated[str, typer.Option("--corner", help="Process corner: slow, typical or fast.")]
At = Annotated[
    float | None,
    typer.Option(
        "--at",
        parser=quantity("--at", "s"),
        metavar="SECONDS",
        help="Age of the chip, such as 3600 or 30day: temperature path, ageing, 1/f noise. \\[default: new]",
        show_default=False,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        parser=quantity("--timeout", "s"),
        metavar="SECONDS",
        help="Most time for each run of the simulator, such as 600s or 2h. \\[default: 300 s, or three times what it is"
        " expected to take]",
        show_default=False,
    ),
]
EngineName = Annotated[
    str,
    typer.Option("--engine", help="ngspice, vacask, or auto: the faster of those installed for this circuit."),
]
AmplifierFile = Annotated[
    Path | None,
    typer.Option(
        "--amplifier",
        help="Your own amplifier instead of the design's, at level transistor: a SPICE file with its subcircuit.",
        show_default=False,
    ),
]
Subcircuit = Annotated[
    str | None,
    typer.Option(
        "--subcircuit",
        help="Name of the subcircuit in the --amplifier file. \\[default: the only one]",
        show_default=False,
    ),
]
Pins = Annotated[
    str | None,
    typer.Option(
        "--pins",
        metavar="PIN=NODE,...",
        help="Nodes of the subcircuit, or positions from 1, such as plus=3,minus=2,vdd=7,vss=4,out=6, and ground=..."
        " where it has one. \\[default: plus, minus, out, vdd, vss in this order]",
        show_default=False,
    ),
]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="You trust who wrote the --amplifier or --netlist file: ngspice runs commands in it."),
]
Supply = Annotated[
    Pair | None,
    typer.Option(
        "--supply",
        parser=pair("--supply", "V", "vss", "vdd"),
        metavar="VSS,VDD",
        help="Supplies of the --amplifier [V], such as -5,5. \\[default: -0.9,0.9]",
        show_default=False,
    ),
]
InstanceSeed = Annotated[
    int | None,
    typer.Option(
        "--instance-seed",
        parser=whole("--instance-seed", 0),
        metavar="INTEGER",
        help="Seed of the drawn chip. \\[default: --seed]",
        show_default=False,
    ),
]
NoMismatch = Annotated[bool, typer.Option("--no-mismatch", help="The nominal chip: no mismatch, no offsets.")]
Size = Annotated[
    int | None,
    typer.Option(
        "--size",
        parser=whole("--size"),
        metavar="INTEGER",
        help="Cells, with a random program. \\[default: 8]",
        show_default=False,
    ),
]
MatrixCsv = Annotated[
    Path | None,
    typer.Option("--matrix", help="CSV file with A: plain numbers, no header.", show_default=False),
]
DriveCsv = Annotated[
    Path | None, typer.Option("--drive", help="CSV file with b [V]: one value per line.", show_default=False)
]
Rank = Annotated[
    int | None,
    typer.Option(
        "--rank",
        parser=whole("--rank"),
        metavar="INTEGER",
        help="Rows of J in a cascade of --size cells. \\[default: as many]",
        show_default=False,
    ),
]
JacobianCsv = Annotated[
    Path | None,
    typer.Option("--jacobian", help="CSV file with J, for A = J^T H J + damping.", show_default=False),
]
HessianCsv = Annotated[
    Path | None,
    typer.Option("--hessian", help="CSV file with H, beside --jacobian. \\[default: identity]", show_default=False),
]
Damping = Annotated[
    float | None,
    typer.Option(
        "--damping",
        parser=quantity("--damping", ""),
        metavar="NUMBER",
        help="Beside --jacobian, in units of 1/R0. \\[default: 0]",
        show_default=False,
    ),
]
DriveScale = Annotated[
    str,
    typer.Option("--drive-scale", help="Factor on b: auto keeps the circuit within its rails, or a number."),
]
