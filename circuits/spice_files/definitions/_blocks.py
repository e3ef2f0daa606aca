"""A file's lines as a tree of subcircuits, each with its parameters, models and cards."""

import re
from dataclasses import dataclass, field

from ..text import Line, Place, Problems, assignments, given, unbraced, words

ANALYSES = frozenset({
    ".op", ".tran", ".ac", ".dc", ".noise", ".tf", ".pz", ".sens", ".disto", ".sp", ".four", ".fourier", ".fft",
    ".meas", ".measure", ".print", ".plot", ".save", ".probe", ".width", ".nodeset", ".backanno", ".step",
    ".net", ".post", ".wave", ".pss", ".savebias",
})  # fmt: skip
"""Cards that ask for something and change no circuit."""
_STEPPING = frozenset({".step", ".dc"})
"""Of these, those that would give a parameter, a source, an element or the temperature other values."""

MOST_NESTED = 20
MOST_IN_SUBCIRCUIT = 20_000
_CHANGING_OPTIONS = {
    "scale": "changes values; write them as they are",
    "gminfactor": "changes values; write them as they are",
    "rshunt": "puts a resistor at every node; write those that there are",
    "cshunt": "puts a capacitor at every node; write those that there are",
}
_PLAIN = re.compile(r"[-+]?(\d++(\.\d*+)?|\.\d++)(e[-+]?\d+)?")
_QUIET_OPTIONS = frozenset({"temp", "tnom"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """The text of an expression, and where it stands."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Model:
    """A `.model` card: its kind, and its values by name."""

    kind: str
    values: dict[str, list[str]]
    place: Place


@dataclass(slots=True)
class Block:
    """A subcircuit, or the whole circuit (without a name and pins)."""

    name: str
    place: Place
    pins: tuple[str, ...] = ()
    defaults: dict[str, Parameter] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    blocks: dict[str, "Block"] = field(default_factory=dict)
    cards: list[Line] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    """Every line, with single blanks and in lower case."""
    parent: "Block | None" = None

    def block(self, name: str) -> "Block | None":
        """The subcircuit of a name that is seen from here."""
        return self.blocks.get(name) or (self.parent.block(name) if self.parent else None)

    def model(self, name: str) -> Model | None:
        """The model of a name that is seen from here."""
        return self.models.get(name) or (self.parent.model(name) if self.parent else None)


@dataclass(slots=True)
class Circuit:
    """What a file says: its blocks, conditions, and notices of cards that are left out."""

    top: Block
    options: dict[str, tuple[str, Place]] = field(default_factory=dict)
    global_nodes: set[str] = field(default_factory=set)
    starts: list[Line] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def blocks(lines: list[Line], problems: Problems) -> Circuit:
    """The tree of a file's lines; what cannot be taken goes to the problems."""
    circuit = Circuit(Block("", Place("", 1)))
    inside = [circuit.top]
    control = aliases = False
    for line in lines:
        word = line.word
        if aliases or word == ".aliases":
            # Names of parts in the drawing, which PSpice writes behind the circuit.
            aliases = word != ".endaliases"
            continue
        if word not in (".subckt", ".ends"):
            inside[-1].body.append(" ".join(line.text.lower().split()))
        if control:
            control = word != ".endc"
        elif word == ".control":
            control = True
            problems.add(line.place, ".control: commands for a simulator are not taken")
        elif word[0] != ".":
            inside[-1].cards.append(line)
        else:
            try:
                _card(circuit, inside, line, word)
            except ValueError as error:
                problems.add(line.place, f"{word}: {error}")
    if aliases:
        problems.add(lines[-1].place, ".aliases: expected .endaliases")
    for block in inside[1:]:
        problems.add(block.place, f".subckt {block.name}: expected .ends")
    return circuit


def _card(circuit: Circuit, inside: list[Block], line: Line, word: str) -> None:
    rest = line.text[len(word) :].strip()
    block = inside[-1]
    match word:
        case ".subckt":
            _begin(inside, rest, line.place)
        case ".ends" | ".eom":
            _end(inside, rest)
        case ".param" | ".params" | ".parameter" | ".parameters":
            for name, text in assignments(rest).items():
                if name in block.parameters:
                    raise ValueError(f"{name} is given twice, in line {block.parameters[name].place.line} too")
                block.parameters[name] = Parameter(text, line.place)
        case ".model":
            _model(block, rest, line.place)
        case ".option" | ".options" | ".opt" | ".temp" | ".temperature":
            if len(inside) > 1:
                raise ValueError("expected outside of subcircuits")
            _options(circuit, word, rest, line.place)
        case ".global":
            circuit.global_nodes |= set(words(rest))
        case ".ic":
            circuit.starts.append(line)
        case ".title":
            pass
        case ".func" | ".function":
            raise ValueError("a function of one's own is not taken; write its expression where it is used")
        case _ if word in ANALYSES:
            circuit.notices.append(f"line {line.place.line}: {word} is left out: {_left_out(word)}")
        case _:
            raise ValueError("not a card that a circuit is read from")


def _left_out(word: str) -> str:
    if word in _STEPPING:
        return "nothing is stepped; the values that .param and the cards themselves give are taken"
    return "it says nothing about the circuit"


def _begin(inside: list[Block], rest: str, place: Place) -> None:
    # ngspice takes `params:` and nothing; PSpice has `optional:` pins, which is another thing.
    found = words(rest.lower().replace("params:", " ").replace("param:", " "))
    if not found:
        raise ValueError("expected a name")
    sorted_ = given(found)
    name, *pins = sorted_.positional or [""]
    block = Block(name, place, tuple(pins), parent=inside[-1])
    inside.append(block)
    if len(inside) > MOST_NESTED:
        raise ValueError(f"expected at most {MOST_NESTED} subcircuits inside each other")
    if sorted_.named:
        text = rest[_first_name(rest) :].lower().replace("params:", " ").replace("param:", " ")
        block.defaults = {key: Parameter(value, place) for key, value in assignments(text).items()}
    if len(set(pins)) != len(pins):
        raise ValueError(f"{name}: expected pins that differ, got {' '.join(pins)}")
    if name in inside[-2].blocks:
        raise ValueError(f"{name} is defined twice, in line {inside[-2].blocks[name].place.line} too")
    inside[-2].blocks[name] = block


def _first_name(rest: str) -> int:
    """Where the first `name =` begins."""
    before = rest.partition("=")[0].rstrip()
    return len(before) - len(before.replace(":", " ").split()[-1])


def _end(inside: list[Block], rest: str) -> None:
    if len(inside) == 1:
        raise ValueError("expected .subckt before")
    block = inside.pop()
    if rest and rest.lower().split()[0] != block.name:
        raise ValueError(f"expected the end of {block.name}, got {rest.split()[0]}")


def _model(block: Block, rest: str, place: Place) -> None:
    found = words(rest.replace("(", " ( ").replace(")", " ) "))
    if len(found) < 2:
        raise ValueError("expected a name and a kind")
    name, kind, *values = found
    if name in block.models:
        raise ValueError(f"{name} is defined twice, in line {block.models[name].place.line} too")
    sorted_ = given(values)
    block.models[name] = Model(kind if not sorted_.positional else f"{kind} ...", sorted_.named, place)


def _options(circuit: Circuit, word: str, rest: str, place: Place) -> None:
    if word in (".temp", ".temperature"):
        values = words(rest)
        if len(values) != 1:
            raise ValueError(f"expected one temperature, got {' '.join(values) or 'none'}")
        _option(circuit, "temp", values[0], place)
        return
    sorted_ = given(words(rest))
    for name, value in sorted_.named.items():
        if name in _QUIET_OPTIONS:
            _option(circuit, name, value[0], place)
    for name in sorted_.positional:
        if name in {*_QUIET_OPTIONS, *_CHANGING_OPTIONS}:
            raise ValueError(f"simulators disagree on {name} without =; write {name}=value")
    for name, why in _CHANGING_OPTIONS.items():
        if name in sorted_.named:
            raise ValueError(f"{name} {why}")


def _option(circuit: Circuit, name: str, value: str, place: Place) -> None:
    if not _PLAIN.fullmatch(value) and unbraced(value) is None:
        raise ValueError(f"simulators disagree on {name} {value}; write a number without a unit, or {{an expression}}")
    if name in circuit.options and circuit.options[name][0] != value:
        raise ValueError(f"{name} is given twice, in line {circuit.options[name][1].line} too")
    circuit.options[name] = (value, place)
