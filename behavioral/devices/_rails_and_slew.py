"""Rails and slew: the response stepped where the linear circuit does not hold."""

from dataclasses import dataclass
from math import pi

import numpy as np
from jaxtyping import Bool, Float, Int

from ...circuits.networks import GROUND, TRANSCONDUCTANCE, OpAmp, flicker_band
from ...circuits.state_spaces import StateSpace
from ..processes import FlickerNoise, OrnsteinUhlenbeck, Saturation, with_coloured_noise

_STEPS = 10.0
"""In the shortest time constant of an amplifier, 1/(2 pi GBW), by default."""


@dataclass(frozen=True, eq=False)
class Amplifiers:
    """Limits of a circuit's amplifiers, and how their pole nodes and inputs follow from the states."""

    names: tuple[str, ...]
    M: Float[np.ndarray, "a m"]
    """Pole nodes."""
    y: Float[np.ndarray, " a"]
    inputs: Float[np.ndarray, "a m"]
    """`v(plus) - v(minus)`."""
    offsets: Float[np.ndarray, " a"]
    """What is added to it [V]."""
    low: Float[np.ndarray, " a"]
    high: Float[np.ndarray, " a"]
    slew: Float[np.ndarray, " a"]
    bandwidth: Float[np.ndarray, " a"]
    """Gain-bandwidth [Hz]."""
    flicker: Float[np.ndarray, " a"]
    """Level of the 1/f noise voltage, `density * f` [V^2]."""
    corner: Float[np.ndarray, " a"]
    """Where it meets the white noise [Hz]."""
    lowest: Float[np.ndarray, " a"]
    """Down to where it grows [Hz]."""
    further: Float[np.ndarray, " a"]
    """Second pole [Hz]; 0 is none."""

    @classmethod
    def of(cls, space: StateSpace, amplifiers: "tuple[OpAmp, ...]", n: int) -> "Amplifiers":
        """From a state space whose outputs after the first n are `amplifier_nodes`."""
        models = [amp.model for amp in amplifiers if amp.model is not None]
        names = (
            "rail_low",
            "rail_high",
            "slew",
            "gain_bandwidth",
            "offset",
            "noise_voltage",
            "noise_corner",
            "second_pole",
        )
        numbers = np.array([[getattr(m, name) for name in names] for m in models], float).reshape(-1, len(names)).T
        low, high, slew, bandwidth, offset, white, corner, further = numbers
        a = len(amplifiers)
        y = (space.y_drive + space.y_bias)[n:]
        inputs, offsets = np.zeros((a, space.M.shape[1])), offset.copy()
        row = n + a
        for k, amp in enumerate(amplifiers):
            for node, sign in ((amp.plus, 1.0), (amp.minus, -1.0)):
                if node != GROUND:
                    inputs[k] += sign * space.M[row]
                    offsets[k] += sign * y[row - n]
                    row += 1
        return cls(
            tuple(amp.name for amp in amplifiers),
            space.M[n : n + a],
            y[:a],
            inputs,
            offsets,
            low,
            high,
            slew,
            bandwidth,
            white**2 * corner,
            corner,
            np.array([float(m.noise_lowest) for m in models]),
            further,
        )

    def clipped(self, states: Float[np.ndarray, "times m"]) -> tuple[str, ...]:
        """Those beyond their rails at any of the times."""
        v = states @ self.M.T + self.y
        return self._named(((v < self.low) | (v > self.high)).any(axis=0))

    def exceeded(self, states: Float[np.ndarray, "times m"], slopes: Float[np.ndarray, "times m"]) -> tuple[str, ...]:
        """Those beyond their rails or steeper than their slew rate at any of the times."""
        steep = self._named((np.abs(slopes @ self.M.T) > self.slew).any(axis=0))
        return tuple(dict.fromkeys((*self.clipped(states), *steep)))

    def beyond(
        self, states: Float[np.ndarray, "times m"], slopes: Float[np.ndarray, "times m"], part: float
    ) -> Bool[np.ndarray, " times"]:
        """Whether any of them is beyond a part of its rails or its slew rate, at each of the times."""
        v, steep = states @ self.M.T + self.y, np.abs(slopes @ self.M.T)
        return np.asarray(((v < part * self.low) | (v > part * self.high) | (steep > part * self.slew)).any(axis=1))

    def _named(self, mask: np.ndarray) -> tuple[str, ...]:
        return tuple(name for name, hit in zip(self.names, mask, strict=True) if hit)

    @property
    def poles(self) -> Int[np.ndarray, " a"]:
        """Which state each pole node is."""
        return np.asarray(np.argmax(np.abs(self.M), axis=1))

    def stages(self, space: StateSpace) -> Float[np.ndarray, "m a"]:
        """What a volt per second of each input stage, a current C_p into the pole node, does to the states."""
        return np.asarray(np.linalg.inv(space.C)[:, self.poles] * (TRANSCONDUCTANCE / (2 * pi * self.bandwidth)))

    def with_flicker(self, process: OrnsteinUhlenbeck, space: StateSpace, scale: float) -> OrnsteinUhlenbeck:
        """The process driven also by each amplifier's 1/f noise; its further states are those of the noise.

        The band reaches from the lowest frequency to where the white noise covers what is missing.
        """
        kinds = {kind for kind in zip(self.flicker, self.corner, self.lowest, strict=True) if kind[0] > 0 < scale}
        gains = self.stages(space) * (2 * pi * self.bandwidth)
        for level, corner, lowest in sorted(kinds):
            chosen = (self.flicker == level) & (self.corner == corner) & (self.lowest == lowest)
            columns = np.zeros((process.n, int(np.count_nonzero(chosen))))
            columns[: len(gains)] = gains[:, chosen]
            low, high = flicker_band(corner, lowest)
            process = with_coloured_noise(process, columns, FlickerNoise(scale * level, low, high))
        return process

    def saturation(self, space: StateSpace, F: Float[np.ndarray, "m m"]) -> Saturation:
        """What the limits take away from the linear drift.

        The input stage drives its pole node by `2 pi GBW (v(plus) - v(minus) + offset)` [V/s], at most by the slew
        rate; the output follows the pole node within the rails.
        """
        rate, stage = 2 * pi * self.bandwidth, self.stages(space)
        m, more = len(stage), len(F) - len(stage)
        buffer = -F[:m, self.poles]
        buffer[self.poles, np.arange(len(self.poles))] = 0.0
        # States of the noise take no part: it adds to the input, of which it is a millionth.
        return Saturation(
            drive=np.pad(np.hstack([stage, buffer]), ((0, more), (0, 0)))[None],
            sense=np.pad(np.vstack([rate[:, None] * self.inputs, self.M]), ((0, 0), (0, more)))[None],
            offset=np.concatenate([rate * self.offsets, self.y])[None],
            low=np.concatenate([-self.slew, self.low])[None],
            high=np.concatenate([self.slew, self.high])[None],
        )

    def bounds(self, m: int) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
        """Of the states: the pole nodes stop at the rails."""
        low, high = np.full(m, -np.inf), np.full(m, np.inf)
        low[self.poles], high[self.poles] = self.low, self.high
        return low, high

    @property
    def step(self) -> float:
        """Longest step that follows the limits [s]."""
        fastest = max([*self.bandwidth, *self.further], default=0.0)
        return float(1 / (_STEPS * 2 * pi * fastest)) if fastest > 0 else np.inf
