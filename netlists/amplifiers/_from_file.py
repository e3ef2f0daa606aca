"""A user's own amplifier: a subcircuit from a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .._exceptions import NetlistError
from ..amplifier_files import FileAmplifier, read_amplifier
from ._subcircuit import check_supplies

TNOM = 27.0
"""Temperature of a model's values where its file says nothing [degree Celsius], in every SPICE."""


@dataclass(frozen=True)
class UserAmplifier:
    """A subcircuit from a file; `user_amplifier` reads it. Its mismatch is not known.

    Args:
        name: safe, of the subcircuit in `text`.
        text: all that it needs, with the pins `plus minus out vdd vss`.
        vdd: positive supply [V].
        vss: negative supply [V].
        guess: none, since its inner nodes are not known.
        file: where it was read from.
        subcircuit: its name there.
        digest: SHA-256 of the file and of what it includes.
        tnom: temperature of its models' values [degree Celsius].
        notices: what was left out of the file.
        nodes: of the subcircuit in the file, by pin.
    """

    name: str
    text: str
    vdd: float
    vss: float
    guess: Mapping[str, float] = field(default_factory=dict)
    file: str = ""
    subcircuit: str = ""
    digest: str = ""
    tnom: float = TNOM
    notices: tuple[str, ...] = ()
    nodes: Mapping[str, str] = field(default_factory=dict)

    def definition(self) -> str:
        """Models and subcircuit, as text."""
        # Nothing of a chip has a temperature coefficient of its own that this could touch.
        return self.text if self.tnom == TNOM else f".options tnom={self.tnom!r}\n{self.text}"


def user_amplifier(
    path: str | Path,
    trust: bool = False,
    vdd: float = 0.9,
    vss: float = -0.9,
    name: str | None = None,
    pins: Mapping[str, str | int] | None = None,
) -> UserAmplifier:
    """An amplifier subcircuit of the user's own.

    The file is read as elements, models and parameters, and written again: what would run a command, open another
    file or stimulate the chip is refused by name and line, and cards that are for a whole circuit have no effect.

    Args:
        path: the file: model cards and subcircuits as ngspice, PSpice or LTspice have them.
        trust: must be true; the promise that whoever wrote the file is trusted, since a simulator has no safe mode.
        vdd: positive supply [V].
        vss: negative supply [V].
        name: of the subcircuit; needed where the file has several that no other one uses.
        pins: node of the subcircuit, or its position from 1, for each of `plus minus out vdd vss`; in this order
            unless given.

    Raises:
        NetlistError: not trusted, unreadable, no such subcircuit, another number of pins.
    """
    if trust is not True:
        raise NetlistError(
            f"{path}: a netlist can run commands on this machine; read it, and pass trust=True if you"
            " trust who wrote it"
        )
    check_supplies(str(path), vdd, vss)
    return of_file(read_amplifier(path, name, pins), str(path), vdd, vss)


def of_file(found: FileAmplifier, path: str, vdd: float, vss: float) -> UserAmplifier:
    """What was read, between two supplies [V]."""
    return UserAmplifier(
        found.name,
        found.text,
        vdd,
        vss,
        file=path,
        subcircuit=found.subcircuit,
        digest=found.digest,
        tnom=found.tnom,
        notices=found.notices,
        nodes=found.nodes,
    )
