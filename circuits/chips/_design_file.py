"""YAML and presets to a checked design, and back."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from ..components import AMPLIFIER_TEMPCOS

_PRESETS = files(__package__) / "presets"


_LATER: Mapping[str, Mapping[str, float | None]] = {
    "amplifier": {"noise_corner": 0.0, "noise_lowest": 1.0},
    "tempco": {f"{name}_tc{order}": 0.0 for name in AMPLIFIER_TEMPCOS for order in (1, 2)},
    "drift": {"flicker": 0.0, "flicker_lowest": 1e-6, "flicker_highest": 1.0},
    "converters": {"inl": 0.0, "dnl": 0.0, "hold_capacitance": None, "droop": 0.0, "hold_time": 0.0},
}
"""Fields that designs have got since; without effect they are not written, so that digests of old chips stay."""


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        before = merged.get(key)
        merged[key] = _merged(before, value) if isinstance(before, dict) and isinstance(value, Mapping) else value
    return merged
