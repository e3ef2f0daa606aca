"""The unknowns of a calibration: every deviation of the chip, and the amplifier, in units of their prior spread."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int, Shaped

from ..circuits import Design, Instance, Level, Network, Program, Scaling, Topology, Values, load
from ._calibrate_duals import Dual

GAIN_SPREAD = 0.5
"""Prior standard deviation of log(gain): data sheets give a typical value and a minimum of about half of it."""

_FARTHEST = 15.0
"""Prior standard deviations that a fit may try; no chip is there."""

BANDWIDTH_SPREAD = 0.2
"""Prior standard deviation of log(gain-bandwidth): typical over process and temperature."""


@dataclass(frozen=True, eq=False)
class Parameters:
    """z (p,), each N(0, 1) a priori. Deviations with tolerance zero are not unknown."""

    design: Design
    topology: Topology
    level: Level
    index: Mapping[str, Int[np.ndarray, "..."]]
    """Index into z of each deviation, -1 where it is fixed at zero."""
    sigma: Float[np.ndarray, " p"]
    """Prior standard deviation of each: relative, V for offsets, of the logarithm for the amplifier."""
    names: tuple[str, ...]

    @classmethod
    def of(cls, design: Design, topology: Topology, level: Level) -> "Parameters":
        sigmas = topology.error_sigmas(design)
        index: dict[str, Int[np.ndarray, ...]] = {}
        names: list[str] = []
        sigma: list[float] = []
        for name, shape in topology.error_shapes().items():
            array = np.full(shape, -1)
            for entry in _free(shape, name in topology.mirrored) if sigmas[name] > 0 else ():
                array[entry] = len(names)
                names.append(f"{name}[{','.join(map(str, entry))}]")
                sigma.append(sigmas[name])
            index[name] = array
        if level != "ideal":
            names += ["gain", "gain_bandwidth"]
            sigma += [GAIN_SPREAD, BANDWIDTH_SPREAD]
        return cls(design, topology, level, index, np.array(sigma), tuple(names))

    @property
    def size(self) -> int:
        return len(self.names)

    @property
    def amplified(self) -> bool:
        return self.level != "ideal"

    def possible(self, z: Float[np.ndarray, " p"]) -> bool:
        """Whether every component is still positive and no value is absurdly far from its design."""
        deviations = (self.sigma * z)[: -2 if self.amplified else None]
        return bool((np.abs(z) <= _FARTHEST).all() and (deviations > -0.9).all())

    def errors(self, z: Float[np.ndarray, " p"]) -> dict[str, Float[np.ndarray, "..."]]:
        """Deviations of the chip."""
        return self.spread(self.sigma * z)

    def spread(self, values: Float[np.ndarray, " p"]) -> dict[str, Float[np.ndarray, "..."]]:
        """One number for each unknown, in the shapes of the deviations; zero where there is none."""
        padded = np.append(values, 0.0)
        return {name: self._full(name, padded[where]) for name, where in self.index.items()}

    def instance(self, z: Float[np.ndarray, " p"]) -> Instance:
        """The chip, its design with the amplifier's inferred values."""
        design = self.design
        if self.amplified and design.amplifier is not None:
            gain, bandwidth = np.exp(self.sigma[-2:] * z[-2:])
            amplifier = design.amplifier.model_copy(
                update={
                    # A gain of one or less is no amplifier.
                    "gain": max(design.amplifier.gain * float(gain), 1 + 1e-9),
                    "gain_bandwidth": design.amplifier.gain_bandwidth * float(bandwidth),
                }
            )
            design = design.model_copy(update={"amplifier": amplifier})
        return Instance(design, self.topology, self.errors(z))

    def dual_network(self, z: Float[np.ndarray, " p"], program: Program, scaling: Scaling) -> Network:
        """The circuit with every value a dual number in z."""
        values = Values.of(self.design, self.level)
        if self.amplified and values.amplifier is not None:
            gain, bandwidth = (Dual.variable(s * v, self.size + k, s) for k, s, v in self._last(z))
            amplifier = replace(
                values.amplifier,
                gain=values.amplifier.gain * gain.exp(),
                gain_bandwidth=values.amplifier.gain_bandwidth * bandwidth.exp(),
            )
            values = replace(values, amplifier=amplifier)
        errors = {name: self._duals(where, z) for name, where in self.index.items()}
        weights = load(self.design, self.topology, program, scaling.conductance).weights
        return self.topology.network(values, errors, weights, scaling.conductance * scaling.drive * program.b)

    def _last(self, z: Float[np.ndarray, " p"]) -> list[tuple[int, float, float]]:
        return [(k, float(self.sigma[k]), float(z[k])) for k in (-2, -1)]

    def _duals(self, where: Int[np.ndarray, "..."], z: Float[np.ndarray, " p"]) -> Shaped[np.ndarray, "..."]:
        duals = np.zeros(where.shape, dtype=object)
        for entry in np.ndindex(where.shape):
            k = int(where[entry])
            duals[entry] = Dual.variable(float(self.sigma[k] * z[k]), k, float(self.sigma[k])) if k >= 0 else 0.0
        return duals

    def _full(self, name: str, values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        return values + np.swapaxes(values, -1, -2) if name in self.topology.mirrored else values


def _free(shape: tuple[int, ...], mirrored: bool) -> list[tuple[int, ...]]:
    return [entry for entry in np.ndindex(*shape) if not mirrored or entry[-2] > entry[-1]]
