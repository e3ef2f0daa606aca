"""The cases of the fidelity table: which chips, at which levels and sizes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..behavioral.populations import get_device_model
from ..circuits import LEVELS, TOPOLOGIES, Cascade, Design, Instance, Level, Topology
from ..circuits.topologies import get_topology
from ..circuits.trials import BOARD, GRID_BOARD, TRANSISTORS, get_design, get_instance, get_level
from ..files.opening import check_seed
from ._case import LARGE, Case, Depth
from ._exceptions import CaseError

Sizes = Mapping[Level, Sequence[int]]

# Numbers of cells by level, where no size is asked for: by how long SPICE takes.
USUAL: Sizes = {"ideal": (1, 4, 8, 16, 32, 64), "macro": (1, 4, 8, 16, 32), "transistor": (1, 2)}
FULL: Sizes = {"ideal": (1, 4, 8, 16, 32, 64), "macro": (1, 4, 8, 16, 32, 64), "transistor": (1, 2, 4)}
QUICK: Sizes = {"ideal": (1, 4), "macro": (1, 4), "transistor": (1,)}
_SIZES: Mapping[Depth, Sizes] = {"quick": QUICK, "usual": USUAL, "full": FULL}


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
