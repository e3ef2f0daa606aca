"""Which imperfections a device has, and what each of them does."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class DeviceEffects:
    """Which of a device's imperfections are simulated.

    `DeviceEffects(offset=False)` leaves one out, `DeviceEffects.only("conductance")` leaves one in, and
    `DeviceEffects.only()` is the ideal device.

    Below, eps is standard normal, A0 the gain of an amplifier, sums are over its inputs, and omega is
    `2 pi gain_bandwidth tau`.
    """

    conductance: bool = True
    """Each entry of J, H and J^T, each damping and drive resistor is off by `conductance_sigma eps`.

    J and J^T are two arrays with errors of their own, so that the matrix solved is not symmetric.
    """
    inverter: bool = True
    """Negative entries are fed from an inverted rail, one per source, of gain `-(1 + inverter_sigma eps)`."""
    capacitance: bool = True
    """Each cell's time constant is `(1 + capacitor_sigma eps) tau`."""
    gain: bool = True
    """A stage's output is divided by `1 + (1 + sum |G|)/A0`.

    A cell leaks `(1 + damping + sum |G|)/A0` and is slower by `1 + 1/A0`. A0 is the gain at direct current,
    divided by `1 + R_o G` for an output resistance R_o that drives a conductance G.
    """
    bandwidth: bool = True
    """A cell is slower by `(1 + damping + sum |G|)/omega`, and answers 1/omega late. The stages lag.

    Each stage has the pole of a closed loop, `omega (1/m + 1/A0)` with `m = 1 + sum |G|`. The poles of the
    inverted rails, 2/omega each, and of the cells are lumped into m in the mean over a stage's inputs: 2 q for
    the cells' rails, with q the part of `sum |G|` that is negative, and `1 + 2 q + 2 q_H` for the second stage.
    The stages start settled at x0. Beyond a loop rate of about 2 omega/m the loop rings up. A crossbar's cells
    are slower, and have no lag.
    """
    offset: bool = True
    """Each amplifier's input offset, `offset_mean + offset_sigma eps` [V], through its noise gain `1 + sum |G|`.

    Its bias current comes with it. The offsets of the stages reach the cells through the arrays behind them.
    """
    noise: bool = True
    """The noise of the cells, of the arrays as they are loaded.

    A cell has the thermal noise of every resistor at its virtual ground, its amplifier's input noise through
    the noise gain `1 + damping + sum |G|`, and what is injected. A population that tells its `kappa0` [V^2]
    alone has that in every cell: at rest it makes the covariance `kappa0 F^-1`.
    """
    stage_noise: bool = True
    """The noise of the stages and of the inverted rails, likewise; J^T H and the stages' poles colour it."""
    wideband_noise: bool = True
    """The readout's own amplifier over all of its band: `e_n^2/2` times half of `2 pi gain_bandwidth`."""
    limits: bool = True
    """An amplifier that is beyond its rails, or that would have to be steeper than it slews.

    The digital side then takes a smaller scale, as for a clipped readout. Start and readout are looked at,
    and nothing between the two.
    """
    program_bits: bool = True
    """J, H and J^T as they are programmed: magnitudes on `2^bits - 1` equal steps of the population's `programming`.

    Each array has its largest entry as full scale, or the design's range, beyond which entries clip, and each
    resistor is in series with its switch. They are rounded as `DeviceSPU.rounding` says.
    """
    drive_bits: bool = True
    """The drive b and the start x0 on such a grid of their own."""
    readout_bits: bool = True
    """The readout on a grid of `adc_bits` over -full_scale to full_scale [V], and clipped there."""

    @classmethod
    def only(cls, *names: str) -> "DeviceEffects":
        """These effects and no others. Raises ValueError for a name that is no effect."""
        return cls(**{name: name in names for name in _known(names)})

    def without(self, *names: str) -> "DeviceEffects":
        """These effects but the named. Raises ValueError for a name that is no effect."""
        return DeviceEffects(**{name: getattr(self, name) and name not in names for name in _known(names)})


def _known(names: tuple[str, ...]) -> list[str]:
    known = [f.name for f in fields(DeviceEffects)]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"effects: expected some of {', '.join(known)}; got {', '.join(unknown)}")
    return known


ALL_EFFECTS = DeviceEffects()
