"""Options of a circuit of one's own, the same for every command."""

from pathlib import Path
from typing import Annotated

import typer

NetlistFile = Annotated[
    Path | None,
    typer.Option("--netlist", help="A SPICE file with a circuit of your own, instead of a chip.", show_default=False),
]
Outputs = Annotated[
    str | None,
    typer.Option(
        "--outputs",
        help="Nodes of the --netlist that are read, and differences, such as v1,v2,v1-v2.",
        show_default=False,
    ),
]
Include = Annotated[
    bool,
    typer.Option(
        "--include",
        help="Take .include and .lib of the --netlist, of files in its own folder and below; else they are refused.",
    ),
]
TolerancesFile = Annotated[
    Path | None,
    typer.Option(
        "--tolerances",
        help="YAML file beside the --netlist: tolerances by element, corners, temperatures, limits.",
        show_default=False,
    ),
]
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        help="Source of the --netlist that analysis ac responds to. \\[default: the one with ac]",
        show_default=False,
    ),
]
