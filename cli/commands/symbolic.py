"""`thermospice symbolic`: the circuit's mathematics as formulas."""

from typing import Annotated

import typer

from ..frame import AsJson, Include, LevelName, NetlistFile, Out, Outputs, Quiet, Seed, TopologyName, job, whole
from ..jobs import CircuitOptions, own_circuit, symbolic_own

EXAMPLE = "Example: thermospice symbolic --topology crossbar --size 2"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(symbolic)


def symbolic(
    context: typer.Context,
    netlist: NetlistFile = None,
    outputs: Outputs = None,
    include: Include = False,
    topology: TopologyName = "crossbar",
    level: LevelName = "ideal",
    size: Annotated[
        int,
        typer.Option(
            "--size", parser=whole("--size"), metavar="INTEGER", help="Cells; formulas of large circuits are left out."
        ),
    ] = 2,
    latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX instead of text.")] = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """The circuit as formulas: state space, responses, noise, covariance, sensitivities, stability, proofs.

    Of a circuit of your own with --netlist, too: a symbol for each element, and numbers of what is too large to write.
    """
    with job("symbolic", out, quiet, as_json) as this:
        if own_circuit(context, netlist, ("netlist", "outputs", "include", "latex")):
            assert netlist is not None
            symbolic_own(this, CircuitOptions(netlist, outputs, include), latex)
            return
        from ...circuits.topologies import get_topology
        from ...circuits.trials import fitting_level, get_level
        from ...files import write_text
        from ...netlists.simulators import versions
        from ...reports.wording import counted

        chip, the_level = get_topology(topology, size), fitting_level(get_level(level), topology)
        from ...circuits.symbolic import analyse, forecast  # loads sympy, and a mistake needs none
        from ..forecasts import announce

        announce(this, forecast(chip, the_level))
        with this.step(f"symbolic analysis: {chip.name} with {counted(size, 'cell')}"):
            found = analyse(chip, the_level)
        write_text(this.folder / "symbolic.txt", found.text)
        write_text(this.folder / "symbolic.tex", found.latex)
        this.print_text(found.latex if latex else found.text)
        this.finish({**found.summary, "versions": versions()}, exit_code=0 if found.holds else 1)
