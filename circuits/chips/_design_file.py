"""YAML and presets to a checked design, and back."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from ..components import AMPLIFIER_TEMPCOS
from ._amplifier_file import KEPT, names_a_file

_PRESETS = files(__package__) / "presets"


_LATER: Mapping[str, Mapping[str, Any]] = {
    "amplifier": {"noise_corner": 0.0, "noise_lowest": 1.0}
    | {"offset": 0.0, "input_capacitance": 0.0, "second_pole": 0.0, "circuit": None},
    "tempco": {f"{name}_tc{order}": 0.0 for name in AMPLIFIER_TEMPCOS for order in (1, 2)},
    "drift": {"flicker": 0.0, "flicker_lowest": 1e-6, "flicker_highest": 1.0},
    "converters": {"inl": 0.0, "dnl": 0.0, "hold_capacitance": None, "droop": 0.0, "hold_time": 0.0},
}
"""Fields that designs have got since; without effect they are not written, so that digests of old chips stay."""


def on_a_preset(base: dict[str, Any], changes: Mapping[str, Any], preset: str) -> dict[str, Any]:
    """A preset's fields with changes, and without its sources for what they change."""
    changed = dict(_changed(base, changes))
    sources = {path: text for path, text in (base.get("sources") or {}).items() if not _within(path, changed)}
    for path in changed:
        for above in _above(path):
            if above in sources:
                sources[above] = f"{sources[above]} (of preset {preset}; {path} is another)"
    found = _merged({**base, "sources": sources}, changes)
    if names_a_file(changes.get("amplifier")):
        before = base.get("amplifier") or {}
        kept = {name: before[name] for name in KEPT if name in before}
        found["amplifier"] = {**kept, **changes["amplifier"]}
    if changed and "description" not in changes:
        parts = dict.fromkeys(path.partition(".")[0] for path in changed)
        found["description"] = f"preset {preset} with another {', '.join(parts)}"
    return found


_NOT_VALUES = ("name", "description", "sources", "temperature")


def _changed(base: Any, changes: Mapping[str, Any], lead: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in changes.items():
        before = base.get(key) if isinstance(base, Mapping) else None
        if not lead and key in _NOT_VALUES:
            continue
        if isinstance(value, Mapping) and isinstance(before, Mapping) and not names_a_file(value):
            yield from _changed(before, value, f"{lead}{key}.")
        elif value != before:
            yield f"{lead}{key}", value


def _within(path: str, changed: Mapping[str, Any]) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in changed)


def _above(path: str) -> Iterator[str]:
    parts = path.split(".")
    yield from (".".join(parts[:k]) for k in range(1, len(parts)))


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        before = merged.get(key)
        merged[key] = _merged(before, value) if isinstance(before, dict) and isinstance(value, Mapping) else value
    return merged
