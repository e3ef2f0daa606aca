"""From a netlist and its options to a circuit."""

from pathlib import Path

from ...circuits import read_netlist
from ...circuits.linear_circuits import Observed, OutputError, observed
from ...circuits.tolerances import load_specification
from .._exceptions import InputError


def get_circuit(path: Path, outputs: str | None) -> Observed:
    """The circuit of a netlist, with the outputs that are read.

    Raises:
        InputError: no outputs, or some that are not there.
        CircuitError: a file that cannot be read as a circuit; one line with file and line.
    """
    network = read_netlist(path)
    if outputs is None:
        nodes = ", ".join(network.nodes[:12]) + (" ..." if len(network.nodes) > 12 else "")
        raise InputError(f"--outputs: expected nodes of {path}, such as {','.join(network.nodes[:2])}; it has {nodes}")
    try:
        return observed(network, outputs)
    except OutputError as error:
        raise InputError(f"--{error}") from None


def get_drawn(circuit: Observed, tolerances: Path | None, seed: int | None) -> Observed:
    """One chip drawn from tolerances; the circuit as it is without a seed.

    Raises:
        InputError: a seed without tolerances.
        DesignError: tolerances that cannot be read, or match nothing.
    """
    if tolerances is None:
        if seed is not None:
            raise InputError("--instance-seed: draws a chip from --tolerances FILE, which is not there; give it too")
        return circuit
    drawn_from = load_specification(tolerances).drawn_from
    network = drawn_from.drawn(circuit.network, 0 if seed is None else seed)
    return Observed(network, circuit.labels)
