"""What the commands do with a circuit of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from .._exceptions import InputError
from ..frame import Job, Pair, refuse_beside, written

_BELONG = ("outputs", "tolerances", "input", "junit")


@dataclass(frozen=True, slots=True)
class CircuitOptions:
    """Which circuit."""

    netlist: Path
    outputs: str | None
    tolerances: Path | None = None
    instance_seed: int | None = None
    trust: bool = False


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """What is measured of it."""

    analysis: str
    temperature: float | None
    band: Pair | None
    duration: float | None
    input: str | None
    noise: bool
    seed: int


def own_circuit(context: typer.Context, netlist: Path | None, allowed: Sequence[str]) -> bool:
    """Whether a command is about a circuit of one's own.

    Raises:
        InputError: options of a chip beside a netlist, or those of a netlist without one.
    """
    if netlist is not None:
        refuse_beside(context, "--netlist", "the circuit is that of the file", allowed)
        return True
    if lonely := [name for name in written(context) if name in _BELONG]:
        raise InputError(f"--{lonely[0]}: belongs to --netlist FILE, which is not there")
    return False


def simulate_own(this: Job, which: CircuitOptions, what: SimulationOptions) -> None:
    """Simulate a circuit, beside its equations."""
    from ...netlists.own_circuits import CircuitRequest, simulate_circuit
    from ...netlists.runs import get_analysis
    from ..inputs import get_circuit, get_drawn
    from ..views import own_circuit as view

    band = None if what.band is None else (what.band.low, what.band.high)
    analysis = get_analysis(what.analysis, what.noise, what.duration, band)
    circuit = get_drawn(get_circuit(which.netlist, which.outputs), which.tolerances, which.instance_seed)
    request = CircuitRequest(
        analysis=analysis,
        temperature=what.temperature,
        band=band,
        duration=what.duration,
        input=what.input,
        noise=what.noise,
        seed=what.seed,
    )
    name, elements = circuit.network.name, len(circuit.network.elements)
    with this.step(f"ngspice: {analysis}, {name} with {elements} elements"):
        result = simulate_circuit(circuit, request)
    view.write(result, this.folder)
    drawn = None if which.tolerances is None else which.instance_seed or 0
    this.finish(view.summary(result, which.netlist, drawn), exit_code=0 if result.passed else 1)
    for table in view.tables(result):
        this.show(table)
    for line in view.told(result):
        this.say(line)
    for warning in result.warnings:
        this.say(f"warning: {warning}")
    for fault in result.faults:
        this.say(f"failed: {fault}")
