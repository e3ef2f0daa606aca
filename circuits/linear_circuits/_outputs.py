"""Outputs as a person names them: nodes, differences of two nodes, currents."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .._exceptions import CircuitError
from ..networks import GROUND, Network
from ..spice_files import with_outputs

MOST_OUTPUTS = 64
"""Covariances have a number for each pair."""

_CALL = re.compile(r"[vi]\([^()]*\)", re.IGNORECASE)
_SINGLE = re.compile(r"v\(([^(),]+)\)", re.IGNORECASE)


class OutputError(CircuitError):
    """An output that the circuit does not have."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A network with the outputs that were asked for, and their names as they were written."""

    network: Network
    labels: tuple[str, ...]

    @property
    def units(self) -> tuple[str, ...]:
        """V, or A for a current."""
        return tuple("A" if label.lower().startswith("i(") else "V" for label in self.labels)


def observed(network: Network, outputs: str | Sequence[str]) -> Observed:
    """The network with outputs such as `v1`, `v(v1)`, `v1-v2`, `v(v1,v2)` or `i(r1)`.

    Args:
        network: the circuit.
        outputs: names; in one text they are separated by commas.

    Raises:
        OutputError: outputs that there are not, that are zero always, or too many.
    """
    names = split_outputs(outputs) if isinstance(outputs, str) else [name.strip() for name in outputs]
    if not names or not all(names):
        such = ",".join(network.nodes[:2])
        raise OutputError(f"outputs: expected names of nodes, such as {such}, got {outputs!r}")
    if len(names) > MOST_OUTPUTS:
        raise OutputError(f"outputs: expected at most {MOST_OUTPUTS}, got {len(names)}")
    known = {GROUND, "gnd", *network.nodes}
    written = [_as_pair(name, known) for name in names]
    if zero := [name for name, text in zip(names, written, strict=True) if _is_zero(text)]:
        raise OutputError(f"outputs: {', '.join(zero)}: zero always; expected a node other than ground")
    try:
        return Observed(with_outputs(network, written), tuple(names))
    except CircuitError as error:
        text = str(error).removeprefix(f"outputs of {network.name}: ")
        raise OutputError(f"outputs: {text}") from None


def split_outputs(text: str) -> list[str]:
    """A list of outputs, split by commas outside of brackets."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", text)]


def _as_pair(label: str, known: set[str]) -> str:
    """`a-b` as `v(a,b)`, where that is no name of a node itself."""
    text = label.lower().replace(" ", "")
    if text in known or "-" not in text or _CALL.fullmatch(text):
        return label
    bare = [found[1] if (found := _SINGLE.fullmatch(part)) else part for part in text.split("-")]
    for cut in range(1, len(bare)):
        plus = "-".join(bare[:cut])
        minus = "-".join(bare[cut:])
        if plus in known and minus in known:
            return f"v({plus},{minus})"
    return f"v({bare[0]},{bare[1]})" if len(bare) == 2 and all(bare) else label


def _is_zero(text: str) -> bool:
    bare = text.lower().replace(" ", "").replace("gnd", GROUND)
    if found := re.fullmatch(r"v\(([^(),]+),([^(),]+)\)", bare):
        return found[1] == found[2]
    single = _SINGLE.fullmatch(bare)
    return (single[1] if single else bare) == GROUND
