"""Many chips with one program fitted to the device at once: what `choose_scaling` says of each, from one stack."""

from dataclasses import dataclass, replace
from math import log2

import numpy as np
from jaxtyping import Bool

from ..chips import Instances
from ..networks import Capacitor, Network, OpAmp, is_stray, of_type
from ..programs import Program, Scaling
from ..state_spaces import StateSpace, stacked_state_spaces
from ..topologies import Crossbar, Level
from ._crossbar_drift import crossbar_drift
from ._fit_to_device import chosen_conductance, drive_limit, power_of_two
from ._swing import amplifiers_of

_NEAR = 1e-9
"""Part of an octave from a power of two within which rounding could take the other one."""

_STABLE = 1e-12
"""Part of the largest pole by which every pole is left of the imaginary axis; rounding is a hundredth of it."""


@dataclass(frozen=True, eq=False)
class FittedChip:
    """A chip of a stack with its program.

    `network`: its readouts and amplifiers, without the elements between them. `space`: its circuit without noise at
    this scaling, readouts followed by the amplifiers' pole nodes, as `LoadedChip.watched` has them.
    """

    scaling: Scaling
    network: Network
    space: StateSpace


def fitted_together(
    chips: Instances, program: Program, level: Level = "macro", drive: float | None = None
) -> list[FittedChip | None]:
    """What `choose_scaling` finds for each chip, and its linear circuit; None where a chip has to be asked by itself.

    That is one that is unstable, or needs smaller conductances than the others, or so near a power of two that the
    rounding of another order of sums could decide.

    Args:
        chips: of one design.
        program: on all of them.
        level: of the circuits.
        drive: factor on the drive, instead of the one that fits.

    Raises:
        ProgramError, DesignError: as `choose_scaling`, where that is so for every chip.
    """
    conductance = chosen_conductance(chips[0], program, level)
    network = chips.network(program, level, Scaling(conductance))
    poles = tuple(f"{amp.name}_p" for amp in amplifiers_of(network))
    seen = replace(network, outputs=(*network.outputs, *poles))
    spaces = stacked_state_spaces(seen, len(chips), noisy=False)
    realised = _realised_stable(chips, network)
    # What follows of each chip asks for the amplifiers alone, and an array has many elements besides.
    amplified = replace(network, elements=of_type(network.elements, OpAmp))
    return [
        _fitted(chips, amplified, spaces[k], program, level, conductance, drive) if realised[k] else None
        for k in range(len(chips))
    ]


def _fitted(
    chips: Instances,
    network: Network,
    space: StateSpace,
    program: Program,
    level: Level,
    conductance: float,
    drive: float | None,
) -> FittedChip | None:
    poles = space.poles
    if len(poles) and not poles.real.max() < -_STABLE * np.abs(poles).max():
        return None
    if level == "ideal" or chips.design.amplifier is None:
        chosen = 1.0
    else:
        limit = drive_limit(chips[0], program, network, space, conductance)
        if limit < 1 and abs(log2(limit) - round(log2(limit))) < _NEAR:
            return None
        chosen = power_of_two(limit)
    scaling = Scaling(conductance, chosen if drive is None else drive)
    return FittedChip(scaling, network, space.driven(scaling.drive))


def _realised_stable(chips: Instances, network: Network) -> Bool[np.ndarray, " chips"]:
    """Whether the matrix that each chip realises is stable, amplifiers aside: what `check_stable` asks of one."""
    if not any(isinstance(element, OpAmp) for element in network.elements):
        return np.ones(len(chips), dtype=bool)
    drift = crossbar_drift(network, len(chips)) if isinstance(chips.topology, Crossbar) else None
    if drift is None:
        kept = [e for e in network.elements if not (isinstance(e, Capacitor) and is_stray(e))]
        perfect = tuple(replace(e, model=None) if isinstance(e, OpAmp) else e for e in kept)
        drift = stacked_state_spaces(replace(network, elements=perfect), len(chips), noisy=False).F
    return np.asarray(np.linalg.eigvals(drift).real.min(axis=1) > 0)
