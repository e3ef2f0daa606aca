"""What a loaded chip's amplifiers and readouts do, in parts that follow the drive and parts that do not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from .._exceptions import ProgramError
from ..chips import Design
from ..networks import GROUND, Network, OpAmp, of_type
from ..state_spaces import StateSpace, state_space

HEADROOM = 0.5
"""Part of the rails (and of the converters' range) that the settled voltages may use."""

PASSING = 0.9
"""Part of the rails, and of the slew rate, that a waveform may use on its way: between the times at which it is looked
at, four in an octave, a mode moves by a tenth of itself at most."""


def amplifiers_of(network: Network) -> tuple[OpAmp, ...]:
    """The amplifiers that have limits."""
    return tuple(amp for amp in of_type(network.elements, OpAmp) if amp.model is not None)


def amplifier_nodes(amplifiers: Sequence[OpAmp]) -> tuple[str, ...]:
    """The nodes that tell of their limits: pole nodes, where the rails hold, then the inputs.

    The output is lower than the pole node by what its resistance takes.
    """
    inputs = (node for amp in amplifiers for node in (amp.plus, amp.minus) if node != GROUND)
    return (*(f"{amp.name}_p" for amp in amplifiers), *inputs)


def inside(network: Network) -> StateSpace:
    """The state space with `amplifier_nodes` as readouts after the network's own.

    Raises:
        ValueError: as `state_space`.
    """
    nodes = amplifier_nodes(amplifiers_of(network))
    return state_space(replace(network, outputs=(*network.outputs, *nodes)))


def watched(network: Network) -> StateSpace:
    """The state space with the pole nodes of the amplifiers as readouts after the network's own.

    Raises:
        ValueError: as `state_space`.
    """
    return inside(network).first(len(network.outputs) + len(amplifiers_of(network)))


def beyond_rails(network: Network, space: StateSpace, part: float = 1.0) -> tuple[str, ...]:
    """Amplifiers whose settled pole node lies beyond a part of their rails in the linear circuit.

    Args:
        network: the circuit.
        space: its state space, as `LoadedChip.watched` has it.
        part: of the rails.
    """
    n = len(network.outputs)
    return tuple(
        amp.name
        for amp, v in zip(amplifiers_of(network), space.settled[n:], strict=True)
        if amp.model is not None and not part * amp.model.rail_low <= v <= part * amp.model.rail_high
    )


@dataclass(frozen=True, eq=False)
class Swing:
    """Readouts, then pole nodes [V], with the drive of the circuit that it was taken from.

    `cells`: how many of them are readouts. `names`: of the cells' nodes, then of the amplifiers. `driven`: settled, by
    the drive. `bias`: settled, by offsets and bias currents. `passed`: highest and lowest on the way there.
    `steepest`: of each amplifier [V/s], zero for the readouts.
    """

    cells: int
    names: tuple[str, ...]
    driven: Float[np.ndarray, " w"]
    bias: Float[np.ndarray, " w"]
    passed: Float[np.ndarray, "2 w"]
    steepest: Float[np.ndarray, " w"]
    low: Float[np.ndarray, " w"]
    high: Float[np.ndarray, " w"]
    slew: Float[np.ndarray, " w"]

    @classmethod
    def of(
        cls,
        network: Network,
        space: StateSpace,
        design: Design | None,
        fastest: float,
        start: Float[np.ndarray, " n"] | None = None,
    ) -> "Swing":
        """The swing of a circuit whose state space is that of `LoadedChip.watched`.

        Args:
            network: the circuit.
            space: its state space.
            design: its converters; without one every readout can be read.
            fastest: rate of the program [1/s]. Slopes count from a tenth of its time on: before, the amplifiers step
                up by what their output resistance takes, which no answer depends on.
            start: cell voltages, rest unless given.
        """
        amplifiers = amplifiers_of(network)
        n = len(network.outputs)
        settled = np.linalg.solve(space.G, np.column_stack([space.drive, space.bias]))
        driven = space.M @ settled[:, 0] + space.y_drive
        bias = space.M @ settled[:, 1] + space.y_bias
        begin = np.zeros(len(settled)) if start is None else space.initial[:, :n] @ start
        times, away = space.relaxing(begin - settled[:, 0])
        way = driven + away @ space.M.T
        steepest = np.abs(away[times >= 0.1 / fastest] @ (space.M[n:] @ space.F).T).max(axis=0, initial=0.0)
        low, high = _ranges(design, amplifiers, n)
        slew = np.array([*[np.inf] * n, *[amp.model.slew for amp in amplifiers if amp.model]], dtype=float)
        names = (*network.outputs, *(amp.name for amp in amplifiers))
        passed = np.stack([way.max(axis=0), way.min(axis=0)])
        return cls(n, names, driven, bias, passed, np.concatenate([np.zeros(n), steepest]), low, high, slew)

    def named(self, which: Bool[np.ndarray, " w"]) -> tuple[str, ...]:
        """The amplifiers among them."""
        return tuple(name for name, hit in list(zip(self.names, which, strict=True))[self.cells :] if hit)

    def largest_drive(self, where: str) -> float:
        """The largest factor on the drive with which nothing leaves its range.

        Settled voltages keep to `HEADROOM` of it, or, where offsets alone take most of that, to a quarter of what they
        leave; waveforms and slopes keep to `PASSING`.

        Raises:
            ProgramError: offsets alone take an amplifier or a readout beyond its range.
        """
        beyond = np.flatnonzero((self.bias >= self.high) | (self.bias <= self.low))
        if len(beyond):
            # Amplifiers come last, and are what the message should name.
            k = int(beyond[-1])
            raise ProgramError(
                f"{where}: {self.names[k]} is beyond its range without any drive: offsets and bias currents alone take"
                f" it to {self.bias[k]:.3g} V; expected a matrix further from singular, or smaller offsets"
            )
        rise = _room(self.high, self.bias)
        fall = _room(-self.low, -self.bias)
        settled = max(_part(self.driven, rise), _part(-self.driven, fall))
        up, down = self.passed
        passing = max(
            _part(up, PASSING * (self.high - self.bias)),
            _part(-down, PASSING * (self.bias - self.low)),
            _part(self.steepest, PASSING * self.slew),
        )
        worst = max(settled, passing)
        return 1 / worst if worst > 0 else np.inf


def _room(limit: Float[np.ndarray, " w"], taken: Float[np.ndarray, " w"]) -> Float[np.ndarray, " w"]:
    return np.asarray(np.maximum(HEADROOM * limit - taken, (limit - taken) / 4))


def _part(used: Float[np.ndarray, " w"], room: Float[np.ndarray, " w"]) -> float:
    part: float = (used / room).max(initial=0.0)
    return float(part)


def _ranges(
    design: Design | None, amplifiers: Sequence[OpAmp], n: int
) -> tuple[Float[np.ndarray, " w"], Float[np.ndarray, " w"]]:
    """Of readouts, which the converter reads, and of pole nodes [V]."""
    readable = np.inf if design is None else design.converters.full_scale
    rails = np.array([(amp.model.rail_low, amp.model.rail_high) for amp in amplifiers if amp.model]).reshape(-1, 2)
    return np.array([*[-readable] * n, *rails[:, 0]]), np.array([*[readable] * n, *rails[:, 1]])
