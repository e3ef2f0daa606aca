"""Amplifiers of the user's own on the command line: options to a design that has one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...circuits import Design, Level
from ...files import write_text
from ...netlists.amplifiers import user_amplifier, with_amplifier
from .._exceptions import InputError
from ..frame import Pair

COPY = "design-with-amplifier.yaml"
"""In a command's folder: the design with the amplifier's text, so that a run goes on with what it began with."""


@dataclass(frozen=True, slots=True)
class AmplifierOptions:
    """`--amplifier FILE` and what belongs to it."""

    file: Path | None = None
    subcircuit: str | None = None
    pins: str | None = None
    supply: Pair | None = None
    trust: bool = False

    def check(self) -> None:
        """Raise `InputError` for options without a file, or a file that is not trusted."""
        if self.file is None:
            for name in ("subcircuit", "pins", "supply", "trust"):
                if getattr(self, name):
                    raise InputError(f"--{name}: belongs to --amplifier FILE, which is not there")
        elif not self.trust:
            raise InputError(
                f"--amplifier {self.file}: a simulator runs commands that a netlist holds, and although this file is"
                " read without them it is a stranger's; read the file, and add --trust if you trust who wrote it"
            )

    def level(self, level: str | None) -> str | None:
        """The level as asked for; that of subcircuits where there is a file and no other level was asked for."""
        return "transistor" if self.file is not None and level is None else level

    def put(self, design: Design, level: Level) -> Design:
        """The design with the file's amplifier in the place of its own; as it is without a file.

        Raises:
            InputError: another level than the one of subcircuits, or supplies that the design does not fit.
            NetlistError, SimulatorError: no amplifier with such pins, or none that amplifies.
        """
        if self.file is None:
            return design
        if level != "transistor":
            raise InputError(f"--amplifier: expected --level transistor, got {level}")
        if self.supply is None:
            _check_usual_supply(design)
        high, low = (0.9, -0.9) if self.supply is None else (self.supply.high, self.supply.low)
        found = user_amplifier(self.file, trust=True, vdd=high, vss=low, name=self.subcircuit, pins=_pins(self.pins))
        return with_amplifier(design, found)


def _check_usual_supply(design: Design) -> None:
    amplifier = design.amplifier
    if amplifier is not None and (amplifier.rail_low < -0.9 or amplifier.rail_high > 0.9):
        raise InputError(
            f"--supply: missing; the amplifier of design {design.name} swings from {amplifier.rail_low:g} to"
            f" {amplifier.rail_high:g} V, and --amplifier would have supplies of -0.9 and 0.9 V; give both, such as"
            " --supply -5,5"
        )


def _pins(text: str | None) -> Mapping[str, str] | None:
    if text is None:
        return None
    found: dict[str, str] = {}
    for part in text.split(","):
        name, sign, node = (word.strip() for word in part.partition("="))
        if not sign or not name or not node:
            raise InputError(f"--pins: expected a pin and its node, such as plus=3, got {part!r}")
        if name in found:
            raise InputError(f"--pins: {name} is given twice; expected each pin once")
        found[name] = node
    return found


def kept(design: Design, folder: Path) -> str | None:
    """Path of a copy of a design whose amplifier is of a file; None for any other.

    A run goes on with the amplifier that it began with, whatever becomes of the file.
    """
    if design.amplifier is None or design.amplifier.circuit is None:
        return None
    write_text(folder / COPY, design.to_yaml())
    return str(folder / COPY)


def kept_at(design: str | None, folder: Path) -> str | None:
    """The same copy in a folder that may have been moved."""
    return str(folder / COPY) if design is not None and Path(design).name == COPY else design


def told(design: Design) -> list[str]:
    """Sentences on where a design's amplifier comes from, and on what was left out of its file."""
    if design.amplifier is None or design.amplifier.circuit is None:
        return []
    circuit = design.amplifier.circuit
    return [f"amplifier: {circuit.source}", *(f"amplifier: {notice}" for notice in circuit.notices)]
