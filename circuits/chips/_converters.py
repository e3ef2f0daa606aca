"""The converters of one chip: codes off their places, drawn once."""

import hashlib
from dataclasses import dataclass
from math import pi, sqrt
from typing import Literal

import numpy as np
from jaxtyping import Float

from ._design_and_instance import Instance

_BOWS = 3
"""Half waves of the smooth part of the non-linearity."""


@dataclass(frozen=True, eq=False)
class Converter:
    """A converter of one chip over -full_scale to full_scale [V]: `2^bits` codes, from the lowest to the highest.

    Args:
        step: of an ideal converter [V]; zero for one without bits.
        full_scale: its range [V].
        levels: voltage of each code [V] as this converter has it; empty without bits.
    """

    step: float
    full_scale: float
    levels: Float[np.ndarray, " codes"]

    def to_volts(self, values: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """What a DAC puts out for these values [V]: the level of the nearest code."""
        if self.step == 0:
            return np.asarray(np.clip(values, -self.full_scale, self.full_scale))
        return np.asarray(self.levels[self._codes(values)])

    def to_codes(self, volts: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """What an ADC reads for these voltages, as nominal values of its codes [V].

        A threshold lies midway between its two codes' levels; where levels are out of order, the codes in between
        are missing.
        """
        if self.step == 0:
            return np.asarray(np.clip(volts, -self.full_scale, self.full_scale))
        thresholds = np.maximum.accumulate((self.levels[1:] + self.levels[:-1]) / 2)
        codes = np.searchsorted(thresholds, volts, side="right")
        return np.asarray(self.step * codes - self.full_scale)

    def _codes(self, values: Float[np.ndarray, "*shape"]) -> np.ndarray:
        codes = np.rint((np.asarray(values, dtype=float) + self.full_scale) / self.step)
        return np.asarray(np.clip(codes, 0, len(self.levels) - 1).astype(np.int64))


def converter(instance: Instance, kind: Literal["dac", "adc"]) -> Converter:
    """A chip's converter. All cells share it; the same chip has the same one, whatever its age or temperature.

    A code is off its place by `inl` steps (rms) of a smooth curve, which is zero at both ends, and by an independent
    part for each code that makes neighbours differ by `dnl` steps. The nominal chip's codes are in their places.
    """
    design = instance.design.converters
    bits = design.dac_bits if kind == "dac" else design.adc_bits
    if bits is None:
        return Converter(0.0, design.full_scale, np.zeros(0))
    step = 2 * design.full_scale / 2**bits
    levels = step * np.arange(2**bits) - design.full_scale
    seed = _identity(instance)
    if seed is None or design.inl == design.dnl == 0:
        return Converter(step, design.full_scale, levels)
    rng = np.random.default_rng([seed, 0 if kind == "dac" else 1])
    amplitudes = rng.standard_normal(_BOWS)
    position = np.arange(2**bits) / (2**bits - 1)
    bow = np.sin(pi * np.outer(position, 1 + np.arange(_BOWS))) @ amplitudes * sqrt(2) / np.linalg.norm(amplitudes)
    # Two independent parts of this size differ by dnl.
    apart = design.dnl / sqrt(2) * rng.standard_normal(2**bits)
    return Converter(step, design.full_scale, levels + step * (design.inl * bow + apart))


def _identity(instance: Instance) -> int | None:
    """A number that stays with a chip through its life; None for the nominal chip, which has no deviations."""
    if not any(values.any() for values in instance.errors.values()):
        return None
    if instance.seed is not None:
        return int(instance.seed)
    digest = hashlib.sha256()
    for name, values in sorted(instance.errors.items()):
        if name not in instance.topology.programmed:
            digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return int.from_bytes(digest.digest()[:8], "big")
