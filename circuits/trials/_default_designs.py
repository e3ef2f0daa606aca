"""A preset by name or path, and the one that a topology fits on."""

from pathlib import Path
from typing import Literal, get_args

import numpy as np

from ...files import one_of
from .._exceptions import DesignError
from ..chips import Design
from ..topologies import LEVELS, Level, RLCGrid

Corner = Literal["slow", "typical", "fast"]
CORNERS: tuple[Corner, ...] = get_args(Corner)

BOARD = "board-1k-1n"
GRID_BOARD = "rlc-board-8"
TRANSISTORS = "cmos-100k-10p"
"""Presets where no design is asked for; a grid has inductors, which the first lacks."""


def names_a_file(design: str) -> bool:
    """Whether a design is named by the path of its file; presets have neither folders nor suffixes."""
    return design.endswith((".yaml", ".yml")) or "/" in design


def find_design(name: str, folder: Path | None = None) -> Design:
    """A preset, or the YAML file at this path, which is relative to the folder where one is given.

    Raises:
        DesignError: neither, or the file is not a design.
    """
    if not names_a_file(name):
        return Design.preset(name)
    return Design.load(name if folder is None else folder / name)


def get_design(name: str, temperature: float | None = None, corner: str = "typical") -> Design:
    """A preset, or the YAML file at this path, at a process corner.

    Raises:
        DesignError: neither, the file is not a design, no such corner, or the temperature is not a positive,
            finite number.
    """
    design = _at_corner(find_design(name), corner)
    if temperature is None:
        return design
    if not (np.isfinite(temperature) and temperature > 0):
        raise DesignError(f"temperature: expected kelvin, more than 0 and finite, got {temperature:g}")
    return Design.from_dict({**design.to_dict(), "temperature": f"{temperature!r} K"}, "temperature")


def get_chip_design(
    topology: str,
    name: str | None,
    temperature: float | None = None,
    corner: str = "typical",
    level: str | None = None,
) -> Design:
    """A design by its name, as `get_design`.

    Without a name it is the preset that the topology fits on, and that has the level.

    Raises:
        DesignError: a grid on a design without inductors.
    """
    if name is None:
        board = TRANSISTORS if level == "transistor" else BOARD
        return get_design(GRID_BOARD if topology == RLCGrid.name else board, temperature, corner)
    design = get_design(name, temperature, corner)
    if topology == RLCGrid.name and design.L is None:
        raise DesignError(
            f"design {name}: an rlc-grid needs inductors, and this design has no `L:`; leave out design and level"
            f" (preset {GRID_BOARD}, level ideal), or add `L:` to the design, such as `L: 1mH`"
        )
    return design


def get_chip_level(name: str | None, design: Design, topology: str) -> Level:
    """A level by its name, as `get_level`.

    Without a name it is macro, ideal where the design or the topology has no amplifier, or transistor where the
    design's amplifier is a subcircuit of a file.

    Raises:
        DesignError: unknown name, or a level with amplifiers of a topology without any.
    """
    if name is None:
        if design.amplifier is None or topology == RLCGrid.name:
            return "ideal"
        return "macro" if design.amplifier.circuit is None else "transistor"
    return fitting_level(get_level(name), topology)


def fitting_level(level: Level, topology: str) -> Level:
    """The level itself.

    Raises:
        DesignError: it has amplifiers, and the topology has none.
    """
    if level != "ideal" and topology == RLCGrid.name:
        raise DesignError(
            f"level {level}: an {topology} has no amplifiers, and this would be level ideal once more;"
            " expected level ideal"
        )
    return level


def _at_corner(design: Design, corner: str) -> Design:
    return design.corner(one_of(corner, CORNERS, "corner", DesignError))


def get_level(name: str) -> Level:
    """A level by its command-line name.

    Raises:
        DesignError: unknown name.
    """
    return one_of(name, LEVELS, "level", DesignError)
