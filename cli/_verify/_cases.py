"""The cases of the fidelity table: which chips, and what is compared of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ...behavioral import DeviceModel
from ...circuits import LEVELS, TOPOLOGIES, Cascade, Design, Instance, Level, Topology, choose_scaling, random_program
from .. import _calibration as calibration
from .._errors import InputError
from .._inputs import (
    BOARD,
    GRID_BOARD,
    TRANSISTORS,
    get_design,
    get_device_model,
    get_instance,
    get_level,
    get_topology,
)
from . import (
    _calibrated,
    _chips,
    _closed,
    _conditions,
    _law,
    _mutations,
    _onset,
    _opinions,
    _poles,
    _sensitivity,
    _symbolic,
    _waves,
)
from ._row import Row
from ._subject import Subject

Depth = Literal["quick", "usual", "full"]
"""Quick: neither conditions nor other chips; full: every size, transistors, and records of noise of every chip."""

Sizes = Mapping[Level, Sequence[int]]

USUAL: Sizes = {"ideal": (1, 4, 8, 16, 32, 64), "macro": (1, 4, 8, 16, 32), "transistor": (1, 2)}
FULL: Sizes = {"ideal": (1, 4, 8, 16, 32, 64), "macro": (1, 4, 8, 16, 32, 64), "transistor": (1, 2, 4)}
"""By level, where no size is asked for."""
QUICK: Sizes = {"ideal": (1, 4), "macro": (1, 4), "transistor": (1,)}
LARGE = 8
"""Above it covariances and waveforms cost minutes, so that settled voltages and responses are compared alone."""
_FEW_TRANSISTORS = 4
"""Cells up to which a transient of transistors takes some seconds."""
_SIZES: Mapping[Depth, Sizes] = {"quick": QUICK, "usual": USUAL, "full": FULL}
_RECORDED = 4
"""Cells up to which the default table has records of noise."""
_PROGRAM = 1


@dataclass(frozen=True, eq=False)
class Case:
    """One chip at one level with its random program; `model` is what SPICE is compared with.

    `first`: the smallest of several cells of its topology and level, which is looked at under every condition.
    """

    instance: Instance
    level: Level
    seed: int
    model: DeviceModel | None = None
    first: bool = False
    depth: Depth = "usual"

    @property
    def name(self) -> str:
        return f"{self.instance.topology.name}-{self.level}-{self.instance.topology.n}-{self.seed}"

    def subject(self) -> Subject:
        """The chip with its program and model."""
        program = random_program(self.instance.topology, np.random.default_rng([self.seed, _PROGRAM]))
        # A calibrated model stands for the range of voltages that it was calibrated in: beyond, transistors change with
        # their operating point.
        choose = choose_scaling if self.model is None else calibration.scaling
        scaling = choose(self.instance, program, self.level)
        model = self.model or DeviceModel.nominal(self.instance, self.level)
        return Subject(self.instance, program, self.level, scaling, model, self.seed, self.model is not None)

    def rows(self, opinions: bool) -> list[Row]:
        """All comparisons of the chip; a failed simulation is a failed row."""
        subject = self.subject()
        return subject.explained(list(self._rows(subject, opinions)))

    def _rows(self, subject: Subject, opinions: bool) -> Iterator[Row]:
        if self.model is not None and self.first:
            yield from _calibrated.verdict_row(subject)
        if self.model is not None and self.level == "transistor":
            yield from _waves.transistor_rows(subject, waveforms=True)
        elif self.model is not None:
            yield from _waves.rows(subject)
        elif self.level == "transistor":
            yield from self._transistor_rows(subject)
        elif subject.instance.topology.n > LARGE:
            yield from _large_rows(subject)
        else:
            yield from self._all_rows(subject)
        if opinions and (self.model is not None or subject.instance.topology.n <= LARGE):
            yield from _opinions.rows(subject)

    def _all_rows(self, subject: Subject) -> Iterator[Row]:
        topology, ideal = self.instance.topology, self.level == "ideal"
        yield from _waves.rows(subject)
        if ideal:
            yield from _closed.rows(subject)
        yield from _symbolic.rows(subject)
        yield from _poles.rows(subject)
        yield from _sensitivity.rows(subject)
        if ideal and (self.depth == "full" or topology.n <= (_RECORDED if subject.mean else 1)):
            yield from _law.rows(subject)
        if self.first and self.depth != "quick":
            yield from _mutations.rows(subject)
            yield from _conditions.rows(subject)
            yield from _chips.rows(subject)
            if not ideal or not subject.mean:
                yield from _calibrated.rows(subject)
            if not ideal:
                yield from _onset.rows(subject)

    def _transistor_rows(self, subject: Subject) -> Iterator[Row]:
        few = 1 if self.depth == "quick" else _FEW_TRANSISTORS
        yield from _waves.transistor_rows(subject, self.depth == "full" or self.instance.topology.n <= few)
        if self.first:
            yield from _mutations.rows(subject)
            if self.depth == "full":
                yield from _calibrated.rows(subject)


def _large_rows(subject: Subject) -> Iterator[Row]:
    yield from _waves.large_rows(subject)
    if subject.level == "ideal" and subject.mean:
        yield _closed.solution(subject)


def cases(
    topologies: Sequence[str],
    levels: Sequence[str],
    sizes: Sequence[int],
    design: str | None,
    seed: int,
    depth: Depth = "usual",
) -> list[Case]:
    """Every combination; an empty list stands for the default.

    Raises:
        InputError, DesignError: an unknown name, or a level that the design cannot have.
    """
    known = get_design(design or BOARD)
    possible = [level for level in LEVELS if level == "ideal" or known.amplifier]
    # Transistors take their time: they have to be asked for.
    usual = possible if depth == "full" else [level for level in possible if level != "transistor"]
    wanted = [get_level(name) for name in levels] or usual
    found = []
    for name in topologies or TOPOLOGIES:
        # The grid has no amplifiers: its other levels would be level ideal once more.
        for level in dict.fromkeys(wanted if name != "rlc-grid" else ("ideal",)):
            numbers = sizes or _SIZES[depth][level]
            first = next((n for n in numbers if n > 1), numbers[0])
            base = _base(known, design, name, level)
            for n in numbers:
                chip = get_instance(base, _topology(name, n), seed)
                found.append(Case(chip, level, seed, first=n == first and n <= LARGE, depth=depth))
    return found


def _topology(name: str, n: int) -> Topology:
    # A cascade with fewer rows of J than cells, as training loads it.
    return get_topology(name, n, n // 2 if name == Cascade.name and n > 2 else None)


def _base(known: Design, asked: str | None, name: str, level: Level) -> Design:
    # The grid has inductors, which a design for the others lacks; it is then verified on the board made for it.
    if name == "rlc-grid":
        return known if known.L is not None else Design.preset(GRID_BOARD)
    if level == "transistor" and asked is None:
        return Design.preset(TRANSISTORS)
    # An ideal amplifier has no offset: what is drawn for it must not enter the comparison.
    return known if level != "ideal" else Design.from_dict({**known.to_dict(), "amplifier": None})


def device_cases(device: Path, instance: Path | None, seed: int) -> list[Case]:
    """A calibrated model against SPICE of its chip, with four programs.

    Raises:
        InputError: the chip's file is missing, or it is another chip.
    """
    model = get_device_model(device)
    path = instance or device.with_name("instance.json")
    if not path.exists():
        raise InputError(f"{path}: expected the chip that {device} was calibrated on; name its file with --instance")
    chip = Instance.load(path)
    if model.provenance.instance_digest not in ("", chip.digest):
        raise InputError(f"{path}: expected the chip that {device} was calibrated on, and this is another one")
    return [Case(chip, model.level, seed + k, model, first=k == 0) for k in range(4)]
