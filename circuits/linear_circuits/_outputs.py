"""Outputs as a person names them: nodes, and differences of two nodes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..networks import GROUND, Difference, Network

MOST_OUTPUTS = 64
"""Covariances have a number for each pair."""

_SHOWN = 12
_PAIR = re.compile(r"v\(([^(),]+),([^(),]+)\)", re.IGNORECASE)
_SINGLE = re.compile(r"v\(([^(),]+)\)", re.IGNORECASE)


class OutputError(ValueError):
    """An output that the circuit does not have."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A network with the outputs that were asked for, and their names as they were written."""

    network: Network
    labels: tuple[str, ...]


def observed(network: Network, outputs: str | Sequence[str]) -> Observed:
    """The network with outputs such as `v1`, `v(v1)`, `v1-v2` or `v(v1,v2)`.

    Args:
        network: the circuit.
        outputs: names; in one text they are separated by commas.

    Raises:
        OutputError: every output that there is not, and the nodes that there are.
    """
    names = _split(outputs) if isinstance(outputs, str) else [name.strip() for name in outputs]
    known = {GROUND, "gnd", *network.nodes}
    chosen = [_Output.of(name, known) for name in names]
    wrong = [fault for one in chosen for fault in one.faults(known)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or not all(names):
        wrong.append(f"expected names of nodes, such as {','.join(network.nodes[:2])}, got {outputs!r}")
    if twice:
        wrong.append(f"expected each once, got {', '.join(twice)} twice")
    if len(names) > MOST_OUTPUTS:
        wrong.append(f"expected at most {MOST_OUTPUTS}, got {len(names)}")
    if wrong:
        raise OutputError(f"outputs: {'; '.join(wrong)}; {_nodes(network)}")
    return _with(network, chosen, tuple(names))


@dataclass(frozen=True, slots=True)
class _Output:
    label: str
    plus: str
    minus: str | None

    @classmethod
    def of(cls, label: str, known: set[str]) -> "_Output":
        text = label.lower().replace(" ", "")
        if found := _PAIR.fullmatch(text):
            return cls(label, *map(_node, found.groups()))
        if text not in known and (pair := _difference(text, known)):
            return cls(label, *pair)
        found = _SINGLE.fullmatch(text)
        return cls(label, _node(found[1] if found else text), None)

    def faults(self, known: set[str]) -> list[str]:
        nodes = [self.plus] if self.minus is None else [self.plus, self.minus]
        if missing := [node for node in nodes if node not in known]:
            return [f"{self.label}: there is no node {', '.join(missing)}"] if self.label else []
        if nodes == [GROUND] or (len(nodes) == 2 and nodes[0] == nodes[1]):
            return [f"{self.label}: is zero always"]
        return []


def _node(text: str) -> str:
    return GROUND if text == "gnd" else text


def _difference(text: str, known: set[str]) -> tuple[str, str] | None:
    """Two nodes whose names may hold a minus sign themselves."""
    bare = [found[1] if (found := _SINGLE.fullmatch(part)) else part for part in text.split("-")]
    for cut in range(1, len(bare)):
        plus, minus = _node("-".join(bare[:cut])), _node("-".join(bare[cut:]))
        if plus in known and minus in known:
            return plus, minus
    if len(bare) == 2 and all(bare):
        return _node(bare[0]), _node(bare[1])
    return None


def _split(text: str) -> list[str]:
    """By commas outside of brackets."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", text)]


def _nodes(network: Network) -> str:
    nodes = network.nodes
    more = f" and {len(nodes) - _SHOWN} more" if len(nodes) > _SHOWN else ""
    return f"the nodes of {network.name} are {', '.join(nodes[:_SHOWN])}{more}"


def _with(network: Network, chosen: Sequence[_Output], labels: tuple[str, ...]) -> Observed:
    taken = {element.name for element in network.elements} | set(network.nodes)
    nodes: list[str] = []
    extra: list[Difference] = []
    for one in chosen:
        if one.minus is None:
            nodes.append(one.plus)
            continue
        name = _free("diff", taken)
        out = _free("difference", taken)
        extra.append(Difference(name, one.plus, one.minus, out))
        nodes.append(out)
    elements = (*network.elements, *extra)
    return Observed(replace(network, elements=elements, outputs=tuple(nodes)), labels)


def _free(stem: str, taken: set[str]) -> str:
    k = 1
    while f"{stem}{k}" in taken:
        k += 1
    taken.add(f"{stem}{k}")
    return f"{stem}{k}"
