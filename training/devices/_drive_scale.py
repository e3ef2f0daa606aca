"""How large the digital side makes a drive, by what the device has read out."""

from .._types import Vector

# Part of the rails or the slew rate that a drive scaled anew may use; the digital side knows it by its factors.
_BEARABLE = 0.8


def next_scale(highest: float, full_scale: float, strain: float) -> float:
    """By what the drive is multiplied next; one where it fits."""
    if highest > full_scale:
        # what is clipped says only that it is too large
        return min(0.25, _BEARABLE / strain) if strain > 0.0 else 0.25
    if strain > 1.0:
        return _BEARABLE / strain
    wanted = 0.5 * full_scale / highest if 0.0 < highest < full_scale / 8 else 1.0
    # a stage at its rails is worse than a readout of fewer digits
    return max(1.0, min(wanted, _BEARABLE / strain)) if strain > 0.0 else wanted


def scaled(x: Vector | None, scale: float) -> Vector | None:
    """A start, where there is one, in volts."""
    return None if x is None else scale * x


def peak(b: Vector, x0: Vector | None) -> float:
    """Largest magnitude of a drive and of where it starts."""
    return max(float(b.abs().max()), 0.0 if x0 is None else float(x0.abs().max()))
