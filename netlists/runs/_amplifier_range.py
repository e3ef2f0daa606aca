"""Where a circuit's amplifiers leave the range in which they are linear."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from ...circuits import Design, Instance, Level, Network, Program, Scaling
from ...circuits.loaded_chips import FittedChip, Swing, amplifiers_of, beyond_rails, loaded_chip, watched


@runtime_checkable
class AmplifierRange(Protocol):
    """The amplifiers of a circuit, by name."""

    def settled_beyond(self, part: float) -> tuple[str, ...]:
        """Those that the linear circuit settles beyond a part of the rails of."""

    def passed_beyond(self, v0: Float[np.ndarray, " n"], part: float) -> tuple[str, ...]:
        """Those that leave a part of their rails or slew rate on the way from cell voltages v0 [V]."""


@dataclass(frozen=True, eq=False)
class ChipAmplifiers:
    """Those of a chip with a program."""

    instance: Instance
    program: Program
    level: Level
    scaling: Scaling

    def settled_beyond(self, part: float) -> tuple[str, ...]:
        """See `AmplifierRange`."""
        chip = loaded_chip(self.instance, self.program, self.level, self.scaling)
        return beyond_rails(chip.network, chip.watched, part)

    def passed_beyond(self, v0: Float[np.ndarray, " n"], part: float) -> tuple[str, ...]:
        """See `AmplifierRange`."""
        chip = loaded_chip(self.instance, self.program, self.level, self.scaling)
        swing = Swing.of(chip.network, chip.watched, self.instance.design, np.inf, v0)
        return _leaving(swing, part)


@dataclass(frozen=True, eq=False)
class FittedAmplifiers:
    """Those of a chip that was fitted among others."""

    chip: FittedChip
    design: Design

    def settled_beyond(self, part: float) -> tuple[str, ...]:
        """See `AmplifierRange`."""
        return beyond_rails(self.chip.network, self.chip.space, part)

    def passed_beyond(self, v0: Float[np.ndarray, " n"], part: float) -> tuple[str, ...]:
        """See `AmplifierRange`."""
        return _leaving(Swing.of(self.chip.network, self.chip.space, self.design, np.inf, v0), part)


@dataclass(frozen=True, eq=False)
class NetworkAmplifiers:
    """Those of a circuit of typed elements, which has no converters."""

    network: Network

    def settled_beyond(self, part: float) -> tuple[str, ...]:
        """See `AmplifierRange`."""
        if not amplifiers_of(self.network):
            return ()
        return beyond_rails(self.network, watched(self.network), part)

    def passed_beyond(self, v0: Float[np.ndarray, " n"], part: float) -> tuple[str, ...]:
        """See `AmplifierRange`."""
        if not amplifiers_of(self.network):
            return ()
        return _leaving(Swing.of(self.network, watched(self.network), None, np.inf, v0), part)


def _leaving(swing: Swing, part: float) -> tuple[str, ...]:
    highest, lowest = swing.passed + swing.bias
    beyond = (highest > part * swing.high) | (lowest < part * swing.low)
    return swing.named(beyond | (swing.steepest > part * swing.slew))
