"""From a netlist and its options to a circuit."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ...campaigns import Study, parse_study
from ...campaigns.studies import OF_AN_OUTPUT, limits_of
from ...circuits import CircuitError
from ...circuits.linear_circuits import Observed, OutputError, observed
from ...circuits.spice_files import SpiceFile, netlist_text, read_spice_file
from ...circuits.tolerances import load_specification
from .._exceptions import InputError


def get_circuit(
    path: Path,
    outputs: str | None,
    include: bool = False,
    say: Callable[[str], None] | None = None,
    temperature: float | None = None,
) -> Observed:
    """The circuit of a netlist, with the outputs that are read; with its included files when they are allowed.

    At a temperature [K], or the netlist's own.

    What of the file says nothing about the circuit is told to `say`.

    Raises:
        InputError: no outputs, or some that are not there.
        CircuitError: a file that cannot be read as a circuit; one line with file and line.
    """
    file = _read(path, include, temperature)
    network = file.network
    if say is not None:
        for notice in _in_short(file.notices):
            say(f"{path}: {notice}")
    if outputs is None:
        nodes = ", ".join(network.nodes[:12]) + (" ..." if len(network.nodes) > 12 else "")
        raise InputError(f"--outputs: expected nodes of {path}, such as {','.join(network.nodes[:2])}; it has {nodes}")
    try:
        return observed(network, outputs)
    except OutputError as error:
        raise InputError(f"--{error}") from None


_MOST_NOTICES = 4


def _in_short(notices: Sequence[str]) -> tuple[str, ...]:
    more = len(notices) - _MOST_NOTICES
    return (*notices[:_MOST_NOTICES], f"and {more} lines more are left out") if more > 1 else tuple(notices)


def _read(path: Path, include: bool, temperature: float | None) -> SpiceFile:
    try:
        return read_spice_file(path, include, temperature=temperature)
    except CircuitError as error:
        raise CircuitError(str(error).replace("(include)", "(--include)")) from None


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
    # As warm as the circuit is: tolerances may have coefficients of temperature.
    network = drawn_from.drawn(drawn_from.at(circuit.network), 0 if seed is None else seed)
    return Observed(network, circuit.labels)


INSTANCES = 100
"""Chips under each condition, unless another number is asked for."""

_PLAIN = re.compile(r"[^A-Za-z0-9_.-]")


def get_study(
    path: Path, outputs: str | None, include: bool, tolerances: Path | None, instances: int | None, seed: int
) -> Study:
    """The study of a netlist with its tolerances, corners, temperatures and limits.

    Raises:
        InputError: no tolerances, or no outputs.
        CircuitError, DesignError, StudyError: files that cannot be read, or do not fit each other.
    """
    if tolerances is None:
        raise InputError("--tolerances: expected a YAML file, such as one with `tolerances: {R*: 1 %}`")
    circuit = get_circuit(path, outputs, include)
    specification = load_specification(tolerances)
    plain = specification.model_dump(mode="json", exclude_none=True)
    varied: dict[str, list[Any]] = {}
    if len(specification.corners) > 1:
        varied["netlist.corner"] = list(specification.corners)
    if specification.temperatures:
        varied["netlist.temperature"] = plain["temperatures"]
    netlist = {
        "file": path.name,
        "text": netlist_text(path, include),
        "outputs": list(circuit.labels),
        "analyses": _analyses(specification.limits),
        "tolerances": plain["tolerances"],
        "corner": specification.corners[0],
    }
    return parse_study(
        {
            "name": _PLAIN.sub("-", path.stem).lstrip("_.-")[:64] or "netlist",
            "kind": "netlist",
            "netlist": netlist,
            "parameters": varied,
            "instances": (instances or INSTANCES) if specification.tolerances else 1,
            "seed": seed,
            "limits": limits_of(specification),
        },
        str(tolerances),
    )


def _analyses(limits: Iterable[str]) -> list[str]:
    """What limits ask for, besides the operating point and the noise."""
    kinds = {metric.partition("(")[0] for metric in limits}
    more = {OF_AN_OUTPUT[kind].analysis for kind in kinds & set(OF_AN_OUTPUT)}
    return ["op", "noise", *sorted(str(a) for a in more - {"op", "noise", None})]
