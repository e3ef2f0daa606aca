"""A SPICE netlist as a network of typed elements."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...files import UnreadableFile
from ...files.opening import FileKind, read_bytes
from .._exceptions import CircuitError
from ..networks import GROUND, Capacitor, Element, Network, terminals
from ._flatten import flattened
from ._outputs import with_outputs
from .cards import CELSIUS, Conditions
from .definitions import Circuit, Scope, blocks
from .text import Lines, Place, Problems, logical_lines, with_parts, words

CIRCUIT = FileKind("a circuit", 64_000_000)
_ROOM_TEMPERATURE = 27.0


@dataclass(frozen=True, slots=True)
class SpiceFile:
    """What a file says: its circuit, its title, and what of it says nothing about the circuit."""

    network: Network
    title: str
    notices: tuple[str, ...]


def read_netlist(
    path: str | Path,
    include: bool = False,
    outputs: Sequence[str] | None = None,
    temperature: float | None = None,
) -> Network:
    """The circuit of a SPICE netlist, subcircuits flattened, as typed elements that every analysis takes.

    Linear elements are taken: R, C, L, K, V, I, E, G, F, H, and X with `.subckt`; B, and E and G with VALUE, where the
    expression is linear in voltages and currents; `.param` and expressions in braces or quotes;
    `.temp`, `.options temp tnom` (27 C unless given); `.model` of resistors, capacitors and inductors; `.ic`.
    Nothing in a file is executed. Cards of analyses are left out; see `read_spice_file`, which tells of them. As in
    SPICE the first line is a title, letters have no case, `M` is milli, and `F` is femto.

    Elements have the names of their lines, in lower case, those of an instance behind its name: `r1`, `x2.r1`; so have
    nodes.

    Args:
        path: the file.
        include: take `.include` and `.lib` of files in the file's own folder and below it; else they are refused.
        outputs: what is read: nodes, `v(a,b)`, `i(v1)`; see `with_outputs`. Every node of the circuit itself (not of
            subcircuits) unless given.
        temperature: of the circuit [K], instead of the netlist's own: values follow their coefficients, and elements
            with `dtemp=` are as much hotter than this.

    Raises:
        CircuitError: an unreadable file, or one with something else in it; all of it is told, with its lines.
    """
    return read_spice_file(path, include, outputs, temperature).network


def read_spice_file(
    path: str | Path,
    include: bool = False,
    outputs: Sequence[str] | None = None,
    temperature: float | None = None,
) -> SpiceFile:
    """As `read_netlist`, with what was left out.

    Raises:
        CircuitError: as `read_netlist`.
    """
    path = Path(path)
    problems = Problems(str(path))
    lines = logical_lines(_text(path), "", problems)
    whole = with_parts(lines.found, path, include, problems, _text)
    found = _spice_file(path, replace(lines, found=whole), problems, temperature)
    return found if outputs is None else replace(found, network=with_outputs(found.network, outputs))


def parse_netlist(text: str, name: str = "circuit", temperature: float | None = None) -> SpiceFile:
    """As `read_spice_file`, from text; `.include` and `.lib` are refused.

    Raises:
        CircuitError: as `read_netlist`.
    """
    problems = Problems(name)
    lines = logical_lines(_plain(text.replace("\r\n", "\n").replace("\r", "\n"), name), "", problems)
    whole = with_parts(lines.found, Path(name), False, problems, _text)
    return _spice_file(Path(name), replace(lines, found=whole), problems, temperature)


def _spice_file(path: Path, lines: Lines, problems: Problems, temperature: float | None) -> SpiceFile:
    circuit = blocks(lines.found, problems)
    conditions = _conditions(circuit, problems)
    if temperature is not None:
        if not 0 < temperature < math.inf:
            raise CircuitError(f"temperature: expected a positive number of kelvin, got {temperature:g}")
        conditions = replace(conditions, temperature=float(temperature))
    flat = flattened(circuit, conditions, problems)
    found = _started(flat.elements, flat.started, circuit, problems)
    problems.check()
    if not found:
        raise CircuitError(f"{path}: expected a circuit, got no elements (the first line is a title)")
    name = "".join(c if c.isprintable() else "_" for c in path.stem) or "circuit"
    try:
        network = Network(name, tuple(found), _top_nodes(found), conditions.temperature)
    except CircuitError as error:
        raise CircuitError(f"{path}: {error}") from None
    return SpiceFile(network, lines.title, (*_title_notices(lines.title), *circuit.notices))


def _top_nodes(found: list[Element]) -> tuple[str, ...]:
    nodes = dict.fromkeys(node for element in found for node in terminals(element))
    instances = tuple({e.name.rpartition(".")[0] + "." for e in found if "." in e.name})
    return tuple(node for node in nodes if node != GROUND and "#" not in node and not node.startswith(instances))


def _title_notices(title: str) -> tuple[str, ...]:
    first = title.split(None, 1)[0].lower() if title else ""
    if first.startswith(".") and first != ".title":
        return (f"line 1: {first} is the title, as in SPICE, and not a card",)
    if len(title.split()) >= 4 and first[:1] in "rclvixegfhk" and any(c.isdigit() for c in first):
        return (f"line 1: {title[:60]!r} is the title, as in SPICE, and not an element",)
    return ()


def _conditions(circuit: Circuit, problems: Problems) -> Conditions:
    found = {}
    scope = Scope(circuit.top.parameters)
    for name in ("temp", "tnom"):
        text, place = circuit.options.get(name, (str(_ROOM_TEMPERATURE), Place("", 1)))
        try:
            found[name] = scope.value(text) + CELSIUS
            if not found[name] > 0:
                raise ValueError("expected a temperature above absolute zero")
        except ValueError as error:
            problems.add(place, f"{name}: {error}")
            found[name] = _ROOM_TEMPERATURE + CELSIUS
    return Conditions(found["temp"], found["tnom"])


def _started(found: list[Element], given: set[str], circuit: Circuit, problems: Problems) -> list[Element]:
    """The elements with the voltages of `.ic`: a capacitor without an `ic=` of its own starts between its nodes'."""
    starts: dict[str, float] = {}
    scope = Scope(circuit.top.parameters)
    for line in circuit.starts:
        try:
            starts |= _node_voltages(line.text[3:], scope)
        except ValueError as error:
            problems.add(line.place, f".ic: {error}")
    if not starts:
        return found
    nodes = {node for element in found for node in terminals(element)}
    for line in circuit.starts[:1]:
        for node in sorted(starts.keys() - nodes):
            problems.add(line.place, f".ic: there is no node {node}")
    return [
        replace(e, initial=starts.get(e.a, 0.0) - starts.get(e.b, 0.0))
        if isinstance(e, Capacitor) and e.name not in given
        else e
        for e in found
    ]


def _node_voltages(text: str, scope: Scope) -> dict[str, float]:
    found = words(text.lower().replace("v(", " ( ").replace(")", " ) "))
    if not found or len(found) % 3 or set(found[1::3]) != {"="}:
        raise ValueError("expected v(node)=value")
    return {node: scope.value(word) for node, word in zip(found[0::3], found[2::3], strict=True)}


def _text(path: Path) -> str:
    """The text of a file: UTF-8, with or without a mark, or else latin-1."""
    try:
        data = read_bytes(path, CIRCUIT)
    except UnreadableFile as error:
        raise CircuitError(f"{path}: cannot read the circuit: {error.reason}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return _plain(text.replace("\r\n", "\n").replace("\r", "\n"), str(path))


def _plain(text: str, name: str) -> str:
    if "\0" in text:
        raise CircuitError(f"{name}: expected a text file, got one with null characters (UTF-16 is not taken)")
    # LTspice puts it between the letter of an element and a name of another letter.
    return text.replace("\N{SECTION SIGN}", "_")


def netlist_text(path: str | Path, include: bool = False) -> str:
    """The text of a netlist, for what keeps it; `parse_netlist` reads it.

    With `include` its included files stand in it, and comments do not.

    Raises:
        CircuitError: an unreadable file, or one that is included and cannot be taken.
    """
    path = Path(path)
    if not include:
        return _text(path)
    problems = Problems(str(path))
    lines = logical_lines(_text(path), "", problems)
    whole = with_parts(lines.found, path, include, problems, _text)
    problems.check()
    return "\n".join((lines.title, *(line.text for line in whole), ".end", ""))
