"""Does the table see a wrong circuit? Faults are put into the deck, behind the model's back; each must fail a row."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from ...circuits import Level
from ...netlists.simulators import Plot
from ..checks import limits
from ..subjects import Row, Subject

Lines = list[str]
Mutation = Callable[[Lines], Lines | None]

_PART = 1.01
"""A resistor that is one per cent off."""
_UNSEEN = 1e9
_COARSE_PART = 2.0
"""Among transistors, whose limits are a hundred times wider."""
_CARD = re.compile(r"([A-Za-z]+)(\d+)(.*)")


def rows(subject: Subject) -> Iterator[Row]:
    """How many times the limit over the error, of the fault that is seen least: below one, every fault is caught."""
    margins = [0.0]
    for mutate in faults(subject.level).values():
        lines = mutate(subject.circuit())
        if lines is not None:
            error = response_error(subject, lines)
            # A fault that changes nothing at all is as good as infinite; as a number, so that the row says so.
            margins.append(min(limits(subject)["ac"] / error, _UNSEEN) if error != 0 else _UNSEEN)
    yield subject.row("ac", "faults in the deck, limit over error, worst", float(np.max(margins)), 1.0)


def response_error(subject: Subject, lines: Lines) -> float:
    """Distance of the response of a deck from the model's, as in the table's rows of `.ac`; NaN for no result."""
    slowest = float(np.abs(subject.space().poles.real).min()) / (2 * math.pi)
    outputs = subject.network().outputs
    save = f".save {' '.join(f'v({node})' for node in outputs)}"
    plot = subject.run([*lines, save, f".ac dec 5 {slowest / 10!r} {slowest * 100!r}"], "AC Analysis")
    if plot is None:
        return math.nan
    return _distance(subject, plot, outputs)


def _distance(subject: Subject, plot: Plot, outputs: Sequence[str]) -> float:
    found = np.column_stack([plot[f"v({node})"] for node in outputs])
    expected = subject.model.response(subject.program, subject.scaling, allow_clipping=True).transfer(plot.scale)
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def _programmed(lines: Lines) -> list[int]:
    """Lines of the arrays: capacitors between the cells of a grid, resistors elsewhere."""
    for pattern in (r"Ccc\d", r"R(r|j|h|t)\d", r"R(rg|d)\d"):
        found = [k for k, line in enumerate(lines) if re.match(pattern, line)]
        if found:
            return found
    return []


def swap_rows(lines: Lines) -> Lines | None:
    """What is programmed into the first two rows of each array, exchanged; the drives of two cells where one component
    serves two rows.
    """
    drives = [k for k, line in enumerate(lines) if line.startswith("Ib")]
    return _exchanged(lines, _programmed(lines)) or _exchanged(lines, drives)


def _exchanged(lines: Lines, among: Sequence[int]) -> Lines | None:
    number = {lines[k].split()[0]: k for k in among}
    found = list(lines)
    changed = False
    for name, k in number.items():
        match = _CARD.fullmatch(name)
        partner = number.get(f"{match[1]}1{match[3]}") if match and match[2] == "0" else None
        if partner is not None:
            found[k], found[partner] = _valued(lines[k], lines[partner]), _valued(lines[partner], lines[k])
            changed = True
    return found if changed else None


def _valued(line: str, other: str) -> str:
    return " ".join([*line.split()[:3], *other.split()[3:]])


def flip_sign(lines: Lines) -> Lines | None:
    """An array's resistor at the inverse of its rail; the drive of a cell with the other sign where there is none."""
    nodes = {word for line in lines for word in line.split()[1:3]}
    for k in _programmed(lines):
        words = lines[k].split()
        other = next((node for node in _inverses(words[1]) if node in nodes), None)
        if other is not None:
            return [*lines[:k], " ".join([words[0], other, *words[2:]]), *lines[k + 1 :]]
    return _flipped_drive(lines)


def _inverses(node: str) -> tuple[str, ...]:
    match node:
        case str() if re.fullmatch(r"out\d+", node):
            return (f"{node}_inv", f"inv{node[3:]}")
        case str() if re.fullmatch(r"inv\d+", node):
            return (f"out{node[3:]}",)
        case str() if node.endswith("_inv"):
            return (node.removesuffix("_inv"),)
        case str() if re.fullmatch(r"[uw]\d+", node):
            return (f"{node}_inv",)
        case _:
            return ()


def _flipped_drive(lines: Lines) -> Lines | None:
    for k, line in enumerate(lines):
        words = line.split()
        if line.startswith(("Vb", "Ib")) and float(words[4]) != 0:
            value = repr(-float(words[4]))
            return [*lines[:k], " ".join([*words[:4], value, "ac", value]), *lines[k + 1 :]]
    return None


def scale_resistor(lines: Lines, part: float = _PART) -> Lines | None:
    """The array's largest conductance, or capacitor, off by a part: one per cent."""
    chosen = _programmed(lines) or [k for k, line in enumerate(lines) if line.startswith("R")]
    if not chosen:
        return None
    sizes = [float(lines[k].split()[3]) for k in chosen]
    k = chosen[int(np.argmin(sizes)) if lines[chosen[0]].startswith("R") else int(np.argmax(sizes))]
    words = lines[k].split()
    return [*lines[:k], " ".join([*words[:3], repr(float(words[3]) * part), *words[4:]]), *lines[k + 1 :]]


MUTATIONS: dict[str, Mutation] = {"swap rows": swap_rows, "flip a sign": flip_sign, "scale a resistor": scale_resistor}


def faults(level: Level) -> Mapping[str, Mutation]:
    """What is put into a deck of this level."""
    if level != "transistor":
        return MUTATIONS
    return MUTATIONS | {"scale a resistor": partial(scale_resistor, part=_COARSE_PART)}
