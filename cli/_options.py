"""Options that several commands share, so that they read the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[
    Path | None,
    typer.Option("--out", help="New folder for the results. [default: results/<command>-<time>]", show_default=False),
]
Resume = Annotated[
    Path | None,
    typer.Option("--resume", help="Go on in the folder of an interrupted run, with its options.", show_default=False),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object (summary.json) and nothing else.")]

DesignName = Annotated[
    str, typer.Option("--design", help="Name of a preset (`thermospice designs`) or path of a .yaml file.")
]
TopologyName = Annotated[str, typer.Option("--topology", help="crossbar or rc-mesh.")]
LevelName = Annotated[str, typer.Option("--level", help="How deep the netlist goes: ideal or macro.")]
Temperature = Annotated[
    float | None,
    typer.Option("--temperature", help="Of all components [K]. [default: the design's]", show_default=False),
]
InstanceSeed = Annotated[
    int | None,
    typer.Option("--instance-seed", min=0, help="Seed of the drawn chip. [default: --seed]", show_default=False),
]
NoMismatch = Annotated[bool, typer.Option("--no-mismatch", help="The nominal chip: no mismatch, no offsets.")]
Size = Annotated[
    int | None, typer.Option("--size", help="Cells, with a random program. [default: 8]", show_default=False)
]
MatrixCsv = Annotated[
    Path | None,
    typer.Option("--matrix", help="CSV file with A: plain numbers, no header.", show_default=False),
]
DriveCsv = Annotated[
    Path | None, typer.Option("--drive", help="CSV file with b [V]: one value per line.", show_default=False)
]
DriveScale = Annotated[
    str,
    typer.Option("--drive-scale", help="Factor on b: auto keeps the circuit within its rails, or a number."),
]
