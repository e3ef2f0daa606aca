"""Cards inside of a subcircuit: which ones are taken, and how they are written again."""

import re
from collections.abc import Iterable, Iterator, Mapping

from ._library import SHARED, Definition, Library, enclosing, split
from ._lines import Line

_ELEMENTS = frozenset("bcdefghijklmqrstvwxz")
_FEWEST = {"v": 3, "i": 3, "x": 3, "q": 5, "j": 5, "z": 5, "m": 6, "s": 6, "w": 5, "t": 6, "f": 5, "h": 5}
"""Words of an element, its name and nodes among them."""
_MODELS = "d npn pnp lpnp nmos pmos njf pjf nmf pmf nhfet phfet vdmos r res c cap l ind sw csw ltra urc"
"""Kinds of models."""
_FILES = re.compile(r"\b(wave)?file(name)?\b\s*=|\"", re.IGNORECASE)
_FREQUENCY = re.compile(r"\b(laplace|freq|chebyshev)\b", re.IGNORECASE)
_WAVE = re.compile(r"\b(pulse|sin|exp|pwl|sffm|am|trnoise|trrandom|external)\b", re.IGNORECASE)
_AC = re.compile(r"\bac\b\s*(\S*)", re.IGNORECASE)
_POWER = re.compile(r"\b(pwrs?|pow)\s*\(\s*(?!abs\b)|(?:\*\*|\^)\s*(?!2\b|4\b|6\b|0?\.5\b)", re.IGNORECASE)
_OF_SIGNALS = re.compile(r"\b[vi]\s*\(", re.IGNORECASE)
_NOISELESS = re.compile(r"\bnoiseless\b", re.IGNORECASE)
_REMARKS = re.compile(
    r"\b(mfg|manufacturer|type|vceo|vcbo|icrating|vpk|ipk|iave|irms|vrrm|ron_max|description)\s*=\s*[^\s)]+",
    re.IGNORECASE,
)
"""What LTspice and makers write into models for a reader."""
_FUNCTIONS = {
    "limit": ".func limit(x,a,b) {min(max(x,min(a,b)),max(a,b))}",
    "if": ".func if(c,a,b) {ternary_fcn(c,a,b)}",
}
"""PSpice's and LTspice's, of which ngspice has none or, without a word, another one."""
_APART = re.compile(r"[\s=(){},'*+/:?<>&|^-]+")


def check(line: Line) -> None:
    """Whether an element or a model is one that is taken.

    Raises:
        NetlistError: one that opens files, stimulates the chip, or that some analyses lack.
    """
    word = line.word
    if _FILES.search(line.text):
        raise line.refused("an element that names a file; expected numbers and expressions")
    if word == ".model":
        _check_model(line)
    elif word[0] != "." and word[0] not in _ELEMENTS:
        raise line.refused(
            f"an element {word[0].upper()} can run code; expected R C L K V I E G F H B D Q M J Z S W T X"
        )
    elif word[0] != "." and len(line.text.split()) < _FEWEST.get(word[0], 4):
        raise line.refused(f"expected at least {_FEWEST.get(word[0], 4)} words of an element {word[0].upper()}")
    elif word[0] in "eg" and _FREQUENCY.search(line.text):
        raise line.refused("a function of frequency has no transient here; expected poles of R and C")
    elif word[0] in "vi":
        _check_source(line)
    elif word[0] in "begfh" and _OF_SIGNALS.search(line.text) and _POWER.search(line.text):
        raise line.refused("a power of a negative number has another sign in each SPICE; expected x*x, or of abs(x)")


def _check_model(line: Line) -> None:
    words = line.text.replace("(", " ").split()
    if len(words) < 3 or words[2].lower() not in _MODELS.split():
        kind = words[2] if len(words) > 2 else "nothing"
        raise line.refused(f"expected a name and one of the kinds {_MODELS}, got {kind}")


def _check_source(line: Line) -> None:
    found = _AC.search(" ".join(line.text.split()[3:]))
    try:
        silent = found is None or float(found[1] or "nan") == 0
    except ValueError:
        silent = False
    if not silent or _WAVE.search(" ".join(line.text.split()[3:])):
        raise line.refused("a source with a stimulus of its own would drive the chip; expected direct current alone")


def called(line: Line, library: Library) -> Definition:
    """The subcircuit that an X card calls.

    Raises:
        NetlistError: none of the file's, or another number of nodes.
    """
    words, _ = split(line.text)
    found = library.definitions.get(words[-1].lower())
    if found is None:
        raise line.refused(
            f"no subcircuit {words[-1]}; the file has {', '.join(d.name for d in library.definitions.values())}"
        )
    if len(words) - 2 != len(found.nodes):
        raise line.refused(f"expected {len(found.nodes)} nodes for {found.name}, got {len(words) - 2}")
    return found


def call(line: Line, name: str) -> str:
    """An X card with its subcircuit under another name."""
    words, parameters = split(line.text)
    return " ".join((*words[:-1], name, *assigned(parameters)))


def assigned(parameters: Mapping[str, str]) -> Iterator[str]:
    """Parameters behind their word, nothing without any."""
    if parameters:
        yield "params:"
        yield from (f"{name}={value}" for name, value in parameters.items())


def translated(line: Line) -> str:
    """A card as ngspice understands it."""
    if line.word == ".model":
        return _REMARKS.sub("", line.text)
    return _NOISELESS.sub("noisy=0", line.text) if line.word[0] == "r" else line.text


def functions(definition: Definition, shared: Iterable[Line]) -> Iterator[str]:
    """Functions of other SPICEs that a subcircuit uses and does not define."""
    cards = [*definition.body, *shared]
    known = {name for line in cards if line.word == ".func" for name in _names(line)}
    text = "\n".join(line.text.lower() for line in cards)
    for name, card in _FUNCTIONS.items():
        if name not in known and re.search(rf"\b{name}\s*\(", text):
            yield card


def needed(definition: Definition, library: Library) -> list[Line]:
    """Models, parameters and functions from outside of a subcircuit that it uses, in their order."""
    outside = [line for outer in enclosing(definition) for line in outer.body if line.word in SHARED]
    cards = [*library.shared, *outside]
    own = {_defined(line) for line in definition.body if line.word in SHARED}
    words = _words([*definition.body, definition.line])
    taken: set[int] = set()
    while found := [k for k, line in enumerate(cards) if k not in taken and _names(line) & words]:
        taken.update(found)
        words |= _words(cards[k] for k in found)
    kept = [line for k, line in enumerate(cards) if k in taken and _defined(line) not in own]
    return [line for line in kept if not _names(line) <= set(definition.parameters)]


def _names(line: Line) -> set[str]:
    """What a card defines, in lower case."""
    if line.word == ".model" or line.word == ".func":
        return {line.text.split(None, 2)[1].partition("(")[0].strip().lower()} if " " in line.text else set()
    return set(split(line.text)[1])


def _defined(line: Line) -> frozenset[str]:
    return frozenset(_names(line))


def _words(lines: Iterable[Line]) -> set[str]:
    found: set[str] = set()
    for line in lines:
        text = line.text.lower()
        found.update(text.split())
        found.update(_APART.split(text))
    return found
