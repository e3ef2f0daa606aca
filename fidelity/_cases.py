"""The cases of the fidelity table: which chips, and what is compared of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ..behavioral import DeviceModel
from ..behavioral.populations import get_device_model
from ..circuits import LEVELS, TOPOLOGIES, Cascade, Design, Instance, Level, Topology, choose_scaling, random_program
from ..circuits.topologies import get_topology
from ..circuits.trials import BOARD, GRID_BOARD, TRANSISTORS, get_design, get_instance, get_level
from ..files.opening import check_seed
from ..measurements import calibration_scaling
from . import _second_opinion as _opinions
from ._exceptions import CaseError
from .checks import amplifier as _amplifier
from .checks import calibrated as _calibrated
from .checks import closed_forms as _closed
from .checks import conditions as _conditions
from .checks import many_chips as _chips
from .checks import noise_law as _law
from .checks import poles as _poles
from .checks import ringing_onset as _onset
from .checks import sensitivities as _sensitivity
from .checks import symbolic as _symbolic
from .checks import training_device as _trained
from .checks import waveforms as _waves
from .faults import exposure as _exposure
from .faults import mutations as _mutations
from .faults import planted as _planted
from .subjects import Row, Subject

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
_TRAINED = 16
"""Cells of a macro-model's cascade up to which training's device takes some seconds."""
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
        choose = choose_scaling if self.model is None else calibration_scaling
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
        if self.model is None and self.level != "transistor" and self._trained:
            yield from _trained.rows(subject)
        if opinions and (self.model is not None or subject.instance.topology.n <= LARGE):
            yield from _opinions.rows(subject)

    @property
    def _trained(self) -> bool:
        """Whether training's device is compared, too: of the larger chips by the whole table alone."""
        limit = _TRAINED if self.level == "macro" else LARGE
        return self.depth == "full" or self.instance.topology.n <= limit

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
        if self.first:
            yield from _exposure.rows(subject)
        if self.first and self.depth != "quick":
            yield from _mutations.rows(subject)
            yield from _planted.rows(subject, self.depth == "full")
            yield from _conditions.rows(subject)
            yield from _chips.rows(subject)
            if not ideal or not subject.mean:
                yield from _calibrated.rows(subject)
            if not ideal:
                yield from _onset.rows(subject)

    def _transistor_rows(self, subject: Subject) -> Iterator[Row]:
        few = 1 if self.depth == "quick" else _FEW_TRANSISTORS
        yield from _waves.transistor_rows(subject, self.depth == "full" or self.instance.topology.n <= few)
        amplifier = self.instance.design.amplifier
        if amplifier is not None and amplifier.circuit is not None:
            # Faults are planted in the project's own transistors alone: those of a file are not known.
            if self.first:
                yield from _amplifier.own_rows(subject)
                yield from _calibrated.rows(subject) if self.depth != "quick" else ()
        elif self.first:
            yield from _exposure.rows(subject)
            yield from _amplifier.rows(subject)
            yield from _mutations.rows(subject)
            yield from _planted.rows(subject, self.depth == "full")
            if self.depth == "full":
                yield from _calibrated.rows(subject)


def _large_rows(subject: Subject) -> Iterator[Row]:
    yield from _waves.large_rows(subject)
    if subject.level == "ideal" and subject.mean:
        yield _closed.solution(subject)


def cases(
    topologies: Sequence[str] = (),
    levels: Sequence[str] = (),
    sizes: Sequence[int] = (),
    design: str | None = None,
    seed: int = 0,
    depth: Depth = "usual",
) -> list[Case]:
    """Every combination of topologies, levels and sizes; an empty list stands for the default.

    Args:
        topologies: by their names in `TOPOLOGIES`; all without.
        levels: those that the design has, without transistors unless the depth is full.
        sizes: numbers of cells; by level where none is asked for.
        design: name of a preset or path of a file; the board that each topology fits on without.
        seed: of chips and programs.
        depth: how much is compared of each chip.

    Raises:
        CaseError, DesignError: an unknown name, or a level that the design cannot have.
    """
    check_seed(seed)
    known = get_design(design or BOARD)
    possible = [level for level in LEVELS if level == "ideal" or known.amplifier]
    # Transistors take their time: they have to be asked for.
    own = known.amplifier is not None and known.amplifier.circuit is not None
    usual = possible if depth == "full" or own else [level for level in possible if level != "transistor"]
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
        CaseError: the chip's file is missing, or it is another chip.
    """
    model = get_device_model(device)
    path = instance or device.with_name("instance.json")
    if not path.exists():
        raise CaseError(f"instance: {path}: expected the chip that {device} was calibrated on; name its file")
    chip = Instance.load(path)
    if model.provenance.instance_digest not in ("", chip.digest):
        raise CaseError(f"{path}: expected the chip that {device} was calibrated on, and this is another one")
    return [Case(chip, model.level, seed + k, model, first=k == 0) for k in range(4)]
