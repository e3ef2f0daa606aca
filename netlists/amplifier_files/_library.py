"""Cards of a library sorted into subcircuits and what stands outside of them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ._lines import Line

RUNS = (".control", ".endc", ".csparam", ".exec", ".script", ".system", ".shell", ".source", ".codemodel", ".pre_osdi")
"""Cards that run something, or change what the simulator is."""

SHARED = (".model", ".param", ".params", ".parameters", ".func")
"""Cards that hold in all that follows them."""
OF_A_SUBCIRCUIT = (*SHARED, ".nodeset")

_SPACED = re.compile(r"\s*=\s*")
_ASSIGNED = re.compile(r"([A-Za-z_][\w.]*)=(\{[^}]*\}|'[^']*'|[^\s,]+)")
_PARAMS = re.compile(r"\bparams:\s*", re.IGNORECASE)
_OPTIONAL = re.compile(r"\boptional:.*", re.IGNORECASE)


@dataclass(slots=True)
class Definition:
    """A subcircuit: its nodes, its parameters with their defaults, and its cards."""

    name: str
    nodes: tuple[str, ...]
    parameters: dict[str, str]
    line: Line
    outer: "Definition | None" = None
    body: list[Line] = field(default_factory=list)
    closed: bool = False


@dataclass(slots=True)
class Library:
    """All subcircuits by name, and the cards outside of them that belong to them; `notices` tell what was left out."""

    definitions: dict[str, Definition] = field(default_factory=dict)
    shared: list[Line] = field(default_factory=list)
    """Model cards, parameters and functions."""
    globals: dict[str, Line] = field(default_factory=dict)
    """Nodes of `.global`."""
    tnom: float = 27.0
    """Temperature of the models' values [degree Celsius]."""
    notices: list[str] = field(default_factory=list)

    def add(self, lines: Iterable[Line]) -> None:
        """Sort cards in.

        Raises:
            NetlistError: one that runs something, one that changes devices from outside, or subcircuits that do not
                nest.
        """
        inside: Definition | None = None
        for line in lines:
            word = line.word
            if word in RUNS:
                raise line.refused("a card that runs commands; expected subcircuits and models alone")
            if word == ".end":
                self._left_out(line, "ends the file here")
                break
            if word == ".subckt":
                inside = self._opened(line, inside)
            elif word in (".ends", ".eom"):
                inside = _closed(line, inside)
            elif inside is not None and (word in OF_A_SUBCIRCUIT or not word.startswith(".")):
                inside.body.append(line)
            else:
                self._outside(line)
        if inside is not None:
            raise inside.line.refused("expected an .ends behind it")

    def _opened(self, line: Line, outer: Definition | None) -> Definition:
        names, parameters = split(_OPTIONAL.sub("", line.text[len(".subckt") :]))
        if not names or any("=" in name for name in names):
            raise line.refused("expected .subckt, a name, its nodes, and parameters such as a=1")
        name, *nodes = names
        found = Definition(name, tuple(nodes), parameters, line, outer)
        if name.lower() in self.definitions:
            raise line.refused(
                f"a second subcircuit {name}; the first is in {self.definitions[name.lower()].line.where}"
            )
        if len({node.lower() for node in nodes}) != len(nodes):
            raise line.refused("expected each node once")
        self.definitions[name.lower()] = found
        return found

    def _outside(self, line: Line) -> None:
        word = line.word
        if word in SHARED:
            self.shared.append(line)
        elif word == ".global":
            self.globals |= {node.lower(): line for node in line.text.split()[1:]}
        elif word in (".options", ".option", ".opt"):
            self._options(line)
        elif word == ".temp":
            self._left_out(line, "the chip's own temperature holds")
        elif word.startswith("."):
            self._circuit_card(line)
        else:
            self._left_out(line, "an element outside of the subcircuits is no part of the chip")

    def _circuit_card(self, line: Line) -> None:
        if line.word not in _LEFT_OUT.split():
            raise line.refused("expected subcircuits, models, parameters and includes")
        self._left_out(line, "no part of the chip")

    def _options(self, line: Line) -> None:
        words = _SPACED.sub("=", line.text).split()[1:]
        for word in words:
            name, _, value = word.lower().partition("=")
            if name == "tnom":
                self.tnom = _celsius(line, value)
            elif name in _HARMLESS.split():
                self._left_out(line, f"option {name} is the chip's own")
            else:
                raise line.refused(f"option {name} would change the chip; expected tnom, or options of the solver")

    def _left_out(self, line: Line, why: str) -> None:
        self.notices.append(f"{line.where}: {line.word} left out: {why}")


def split(text: str) -> tuple[list[str], dict[str, str]]:
    """Words of a card, and its assignments by name, with or without blanks about the sign."""
    words = _SPACED.sub("=", _PARAMS.sub(" ", text))
    parameters = {name.lower(): value for name, value in _ASSIGNED.findall(words)}
    return _ASSIGNED.sub(" ", words).replace(",", " ").split(), parameters


_LEFT_OUT = """
.tran .ac .dc .op .noise .tf .sens .pz .disto .four .fft .meas .measure .print .plot .probe .save
.ic .nodeset .width .title .step .wcase .mc .alter .data .protect .unprotect .prot .unprot .backanno
.aliases .endaliases
"""
"""Cards of a whole circuit, without an effect on devices."""
_HARMLESS = """
temp reltol abstol vntol gmin trtol chgtol pivtol pivrel itl1 itl2 itl3 itl4 itl5 itl6 method maxord
acct noacct list node nopage nomod numdgt limpts lvltim cptime post probe ingold brief opts noinit
seed klu sparse savecurrents keepopinfo interp gminsteps srcsteps minbreak
"""
"""Options of a solver, or of what is printed."""


def _celsius(line: Line, value: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = float("nan")
    if not -273.15 < found < 1000:
        raise line.refused(f"tnom: expected a temperature in degrees Celsius, got {value!r}")
    return found


def _closed(line: Line, inside: Definition | None) -> Definition | None:
    if inside is None:
        raise line.refused("ends a subcircuit that has not begun")
    name = line.text.split()[1:2]
    if name and name[0].lower() != inside.name.lower():
        raise line.refused(f"expected the end of {inside.name}")
    inside.closed = True
    return inside.outer


def enclosing(definition: Definition) -> Iterator[Definition]:
    """The subcircuits that a subcircuit is defined inside of, the nearest first."""
    outer = definition.outer
    while outer is not None:
        yield outer
        outer = outer.outer
