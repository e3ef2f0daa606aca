"""Sources of noise as SPICE cards: noisy resistors with copies of their voltage, or seeded random sources."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

from ...circuits.networks import GROUND, OpAmpModel, flicker_band, relaxations
from ._card import Card, Kind, NoiseForm

NGSPICE_BOLTZMANN = 1.38064852e-23
"""ngspice's value [J/K]; with it, a noisy resistor gives exactly the wanted density."""

_RESISTANCE = 1e3

_FLICKER_CURRENT = 1e-9
"""Through the resistor whose 1/f noise stands for an amplifier's [A]; ngspice scales it by a current."""

_FOREVER = 1e9
"""A random source that is never drawn again [s]."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Form of the noise sources, temperature [K], and the time that a seeded source holds a value [s].

    Densities are one-sided.
    """

    form: NoiseForm
    temperature: float
    step: float

    def thermal(self, name: str, a: str, b: str, resistance: float, temperature: float | None = None) -> Iterator[Card]:
        """What a noisy resistor needs beside itself; it may have a temperature [K] of its own."""
        if self.form == "seeded":
            hotter = 1.0 if temperature is None else temperature / self.temperature
            yield from self._held("I", f"{name}_th", a, b, self._voltage_density(hotter) / resistance)

    def current(self, name: str, a: str, b: str, density: float) -> Iterator[Card]:
        """White current [A^2/Hz] from a to b."""
        if density == 0 or self.form == "none":
            return
        if self.form == "seeded":
            yield from self._held("I", name, a, b, density)
            return
        yield Card("R", name, (name, GROUND), _RESISTANCE)
        yield Card("G", name, (a, b, name, GROUND), sqrt(density / self._voltage_density(_RESISTANCE)))

    def voltage(self, node: str, model: OpAmpModel) -> Iterator[Card]:
        """A node with an amplifier's input noise voltage, white and 1/f, above `bias`."""
        if self.form == "seeded":
            # A current into one siemens: next to a random voltage source, ngspice 44 and 47 never redraw a random
            # current.
            yield from self._held("I", node, GROUND, node, model.noise_voltage**2)
            yield Card("G", node, (node, GROUND, node, GROUND), 1.0)
            if model.noise_corner > 0:
                yield from self._relaxations(node, model)
            return
        resistance = self._resistance(model)
        if model.noise_corner == 0:
            yield Card("R", node, (node, GROUND), resistance)
            return
        # ngspice: a resistor's 1/f noise current is kf I^af/f.
        kf = model.noise_corner * (model.noise_voltage / (_FLICKER_CURRENT * resistance)) ** 2
        yield Card(".model", f"{node}_fl", (), f"r(kf={kf!r} af=2)")
        yield Card("R", node, (node, GROUND), f"{resistance!r} {node}_fl")
        yield Card("I", node, (GROUND, node), f"dc {_FLICKER_CURRENT!r}")

    def bias(self, model: OpAmpModel) -> float:
        """What the current through a resistor with 1/f noise leaves across it [V]."""
        flicker = self.form == "spectral" and model.noise_corner > 0
        return _FLICKER_CURRENT * self._resistance(model) if flicker else 0.0

    def _resistance(self, model: OpAmpModel) -> float:
        return float(model.noise_voltage) ** 2 / self._voltage_density(1.0)

    def _voltage_density(self, resistance: float) -> float:
        return 4 * NGSPICE_BOLTZMANN * self.temperature * resistance

    def _held(self, kind: Kind, name: str, a: str, b: str, density: float) -> Iterator[Card]:
        """A random source that holds each value for one step: density = 2 sigma^2 step."""
        if density > 0:
            sigma = sqrt(density / (2 * self.step))
            yield Card(kind, name, (a, b), f"trrandom(2 {self.step!r} 0 {sigma!r} 0)")

    def _relaxations(self, node: str, model: OpAmpModel) -> Iterator[Card]:
        """1/f noise as the model has it: relaxation processes x, each an RC circuit driven by held random currents.

        They have been running before the start: what is left of a random beginning, `x0 exp(-rate t)`, is added.
        """
        rates, variances = relaxations(*flicker_band(model.noise_corner, model.noise_lowest))
        level = model.noise_voltage**2 * model.noise_corner
        for k, (rate, variance) in enumerate(zip(rates.tolist(), (level * variances).tolist(), strict=True)):
            x, start = f"{node}_x{k}", f"{node}_s{k}"
            yield Card("C", x, (x, GROUND), 1 / rate, 0.0)
            yield Card("G", x, (x, GROUND, x, GROUND), 1.0)
            yield from self._held("I", x, GROUND, x, 4 * variance / rate)
            yield Card("G", start, (start, GROUND, start, GROUND), 1.0)
            yield Card("I", start, (start, GROUND), f"trrandom(2 {_FOREVER!r} 0 {sqrt(variance)!r} 0)")
            yield Card("B", start, (GROUND, node), f"v({x})+v({start})*exp({-rate!r}*time)")
