"""One amplifier out of a library: a subcircuit with the pins of this house, and all that it needs inside of itself."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .._exceptions import NetlistError
from ._cards import assigned, call, called, check, functions, needed, translated
from ._includes import Reader
from ._library import SHARED, Definition, Library, split
from ._lines import Line, logical_lines
from ._pins import ROLES as ROLES
from ._pins import Pins, get_nodes

_UNSAFE = re.compile(r"[^a-z0-9_]+")
_LONGEST = 60_000
"""Characters of an amplifier with all that it needs, since a design keeps them."""


@dataclass(frozen=True, slots=True)
class FileAmplifier:
    """An amplifier as it was read.

    Args:
        name: safe, under which `text` defines it, with the pins `plus minus out vdd vss`.
        text: the definition: its helpers, then itself; models and parameters inside.
        subcircuit: its name in the file.
        nodes: of the subcircuit, by the pin of this house.
        digest: SHA-256 of the file and of what it includes.
        tnom: temperature at which its models' values hold [degree Celsius].
        notices: what was left out of the file, and which files were read beside it.
    """

    name: str
    text: str
    subcircuit: str
    nodes: Mapping[str, str]
    digest: str
    tnom: float = 27.0
    notices: tuple[str, ...] = field(default=())


def read_amplifier(path: str | Path, subcircuit: str | None = None, pins: Pins | None = None) -> FileAmplifier:
    """The amplifier of a file.

    Only elements, models, parameters and includes of the file's own folder are taken, and written again: nothing of
    the file runs, and nothing outside of its subcircuits has an effect on a chip.

    Args:
        path: a SPICE library in ngspice's, PSpice's or LTspice's way of writing.
        subcircuit: its name; needed where the file has several that no other one uses.
        pins: node or position (from 1) of each of `plus minus out vdd vss`, and of `ground` where there is one; in
            that order unless given.

    Raises:
        NetlistError: unreadable, not such a file, no such subcircuit, or pins that do not fit.
    """
    place = Path(path)
    reader = Reader(place.parent)
    library = Library()
    library.add(reader.lines(place))
    beside = tuple(f"{place.name}: read {other} beside it" for other in reader.files[1:])
    found = _amplifier(library, str(path), subcircuit, pins)
    return replace(found, digest=reader.digest.hexdigest(), notices=(*beside, *found.notices))


def parse_amplifier(text: str, subcircuit: str) -> FileAmplifier:
    """As `read_amplifier`, of what it has written before, with no other file beside it.

    Raises:
        NetlistError: as `read_amplifier`.
    """
    library = Library()
    library.add(logical_lines(text, "amplifier.circuit.text"))
    found = _amplifier(library, "amplifier.circuit.text", subcircuit, None)
    if found.name != subcircuit:
        raise NetlistError(f"amplifier.circuit: expected the name {found.name} for its text, got {subcircuit!r}")
    return replace(found, digest=hashlib.sha256(text.encode()).hexdigest())


def _amplifier(library: Library, path: str, subcircuit: str | None, pins: Pins | None) -> FileAmplifier:
    chosen = _chosen(library, path, subcircuit)
    nodes = get_nodes(chosen, pins, path)
    names = dict(_named(chosen, library))
    texts = [_text(one, names[one.name.lower()], one.nodes, library, names) for one in _ordered(chosen, library)[:-1]]
    own = tuple(nodes[role] for role in ROLES)
    name = names[chosen.name.lower()]
    tied = {nodes["ground"]: "0"} if "ground" in nodes else {}
    texts.append(_text(chosen, name, own, library, names, tied))
    text = "".join(texts)
    if len(text) > _LONGEST:
        raise NetlistError(f"{path}: expected an amplifier of at most {_LONGEST} characters, got {len(text)}")
    return FileAmplifier(name, text, chosen.name, nodes, "", library.tnom, tuple(library.notices))


def _chosen(library: Library, path: str, name: str | None) -> Definition:
    all_names = ", ".join(one.name for one in library.definitions.values())
    if not library.definitions:
        raise NetlistError(f"{path}: expected a line '.subckt {name or 'NAME'} {' '.join(ROLES)}', and there is none")
    if name is not None:
        if name.lower() not in library.definitions:
            raise NetlistError(f"{path}: expected the name of a subcircuit, one of {all_names}, got {name!r}")
        return library.definitions[name.lower()]
    used = {_target(line) for one in library.definitions.values() for line in one.body if line.word[0] == "x"}
    tops = [one for one in library.definitions.values() if one.name.lower() not in used and one.outer is None]
    if len(library.definitions) == 1:
        return next(iter(library.definitions.values()))
    if len(tops) != 1:
        raise NetlistError(f"{path}: subcircuit: it has several, {all_names}; name one of them")
    return tops[0]


def _target(line: Line) -> str:
    """Name of the subcircuit that an X card calls, in lower case."""
    words, _ = split(line.text)
    return words[-1].lower()


def _ordered(chosen: Definition, library: Library) -> list[Definition]:
    """A subcircuit behind all that it calls.

    Raises:
        NetlistError: one that calls itself, or a card that is not taken.
    """
    done: dict[str, Definition] = {}

    def visit(one: Definition, above: tuple[str, ...]) -> None:
        key = one.name.lower()
        if key in above:
            raise one.line.refused("a subcircuit that calls itself")
        if key in done:
            return
        for line in one.body:
            check(line)
            if line.word[0] == "x":
                visit(called(line, library), (*above, key))
        done[key] = one

    visit(chosen, ())
    return list(done.values())


def _named(chosen: Definition, library: Library) -> Iterator[tuple[str, str]]:
    main = _safe(chosen.name)
    yield chosen.name.lower(), main
    for k, one in enumerate(_ordered(chosen, library)[:-1]):
        yield one.name.lower(), f"{main}__{k}_{_safe(one.name)}"


def _safe(name: str) -> str:
    found = _UNSAFE.sub("_", name.lower()).strip("_") or "x"
    return found if found[0].isalpha() else f"x{found}"


def _text(
    one: Definition,
    name: str,
    nodes: tuple[str, ...],
    library: Library,
    names: Mapping[str, str],
    tied: Mapping[str, str] | None = None,
) -> str:
    shared = needed(one, library)
    for line in shared:
        check(line)
    _check_globals(one, library)
    lines = [" ".join((".subckt", name, *nodes, *assigned(one.parameters))), *functions(one, shared)]
    lines += [translated(line) for line in shared]
    for line in one.body:
        lines.append(call(line, names[called(line, library).name.lower()]) if line.word[0] == "x" else translated(line))
    # A source of no voltage holds what is ground in the file's own way of naming.
    lines += [f"vts_gnd{k} {node} {to} dc 0" for k, (node, to) in enumerate((tied or {}).items())]
    return "\n".join((*lines, f".ends {name}", ""))


def _check_globals(one: Definition, library: Library) -> None:
    for line in one.body:
        for word in line.text.lower().split() if line.word not in SHARED else ():
            if word in library.globals and word not in {node.lower() for node in one.nodes} and word != "0":
                raise library.globals[word].refused(
                    f"subcircuit {one.name} uses the global node {word}, which the chip does not have; make it a pin"
                )
