"""A user's own amplifier: a file with a subcircuit, taken as it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...files import UnreadableFile, read_text
from ...files.opening import NETLIST
from .._exceptions import NetlistError
from ._subcircuit import PINS, check_supplies

_SUBCIRCUIT = re.compile(r"^\.subckt\s+([a-z][a-z0-9_]*)[ \t]*((?:[^\n]|\n\+)*)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class UserAmplifier:
    """A subcircuit from a file; `user_amplifier` reads it. Its mismatch is not known."""

    name: str
    text: str
    vdd: float
    vss: float
    guess: Mapping[str, float] = field(default_factory=dict)

    def definition(self) -> str:
        """The file's text."""
        return self.text


def user_amplifier(
    path: str | Path, trust: bool = False, vdd: float = 0.9, vss: float = -0.9, name: str | None = None
) -> UserAmplifier:
    """An amplifier subcircuit of the user's own, with pins `plus minus out vdd vss` in this order.

    A netlist is code: ngspice runs shell commands from a file's `.control` and `*#` lines, whatever else it holds,
    and `.include` reads any file. The text is not checked for that; it runs with the rights of this process. Take
    only files whose author you trust.

    Args:
        path: the file: model cards and subcircuits, ASCII.
        trust: must be true; the promise that the file may run code.
        vdd: positive supply [V].
        vss: negative supply [V].
        name: of the subcircuit; the last one in the file unless given.

    Raises:
        NetlistError: not trusted, unreadable, no such subcircuit, another number of pins.
    """
    if trust is not True:
        raise NetlistError(
            f"{path}: a netlist can run commands on this machine; read it, and pass trust=True if you"
            " trust who wrote it"
        )
    check_supplies(str(path), vdd, vss)
    text = _read(Path(path))
    found = {match[1].lower(): match[2].replace("\n+", " ").split() for match in _SUBCIRCUIT.finditer(text)}
    wanted = name.lower() if name else next(reversed(found), "")
    if wanted not in found:
        raise NetlistError(f"{path}: expected a line '.subckt {name or 'NAME'} {' '.join(PINS)}'")
    pins = [word for word in found[wanted] if "=" not in word and word.lower() != "params:"]
    if len(pins) != len(PINS):
        raise NetlistError(f"{path}: subcircuit {wanted}: expected the pins {' '.join(PINS)}, got {' '.join(pins)}")
    return UserAmplifier(wanted, text, vdd, vss)


def _read(path: Path) -> str:
    try:
        return read_text(path, NETLIST, "ascii").rstrip() + "\n"
    except UnreadableFile as error:
        raise NetlistError(f"{path}: cannot read the amplifier: {error.reason}") from None
