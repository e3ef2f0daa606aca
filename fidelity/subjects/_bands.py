"""How near a calibrated model must come to SPICE, and up to which frequency: one answer for all commands."""

from collections.abc import Mapping
from types import MappingProxyType

from ...circuits import Design, Level

# Decades of a spectrum, at level transistor, up to where the calibrated macro-model stands for it;
# at the other levels all of the spectrum counts.
DECADES = 5

# Part of the unity frequency up to which noise and responses of transistors are compared with a
# macro-model: beyond, transistors have poles and zeros that its one pole does not stand for.
BAND = 0.1

# Half a least significant bit of an eight-bit answer; statistics to half a per cent; half a decibel. An amplifier of
# transistors has poles and noise that the macro-model does not have: twice to five times as much.
_LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "op": (2e-3, 1e-2),
        "tran": (2e-3, 1e-2),
        "ac": (1e-2, 1e-2),
        "noise": (5e-3, 2e-2),
        "spectra": (0.5, 1.0),
    }
)


def limit(what: str, level: Level) -> float:
    """Limit of an error at a level of the circuit.

    Relative for settled voltages (op), waveforms (tran), responses (ac) and covariances (noise); in decibels for
    densities and responses (spectra).
    """
    return _LIMITS[what][level == "transistor"]


def amplifier_band(design: Design, level: Level) -> tuple[float, float] | None:
    """Frequencies [Hz] for which a calibrated macro-model stands for transistors; None where there is no such limit."""
    if level != "transistor" or design.amplifier is None:
        return None
    # Warm amplifiers are slower, and their further poles come down with their unity frequency.
    highest = design.tempco.amplifier_at(design.amplifier, design.temperature).band(BAND)
    return highest / 10**DECADES, highest
