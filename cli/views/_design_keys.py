"""Every key that a design can have, with its value, its unit and its meaning."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ...circuits import Design
from ...circuits.components import AmplifierCircuit
from ...files.quantities import UNITS, fields_of, meanings_of, unit_of

_TEXTS = ("name", "description", "sources")
"""Keys that say what a design is, and not how large something is."""


@dataclass(frozen=True)
class Key:
    """One key of a design file."""

    path: tuple[str, ...]
    value: Any
    """As this design has it; None where it has none, or no such part."""
    default: Any
    """None where the key has to be given, or is nothing unless given."""
    required: bool
    unit: str
    """As a file may write it; empty for a plain number."""
    meaning: str

    @property
    def name(self) -> str:
        """The key with its parts, such as `amplifier.gain`."""
        return ".".join(self.path)


def keys_of(design: Design) -> list[Key]:
    """All of them, in the order of the file."""
    plain = design.model_dump(mode="json")
    found = []
    for path, field in fields_of(Design):
        unit = unit_of(Design, path)
        # A subcircuit is measured, not given number by number.
        if unit is None or "circuit" in path:
            continue
        default = None if field.default is PydanticUndefined else field.default
        said = UNITS[unit].said
        required = field.is_required()
        found.append(Key(path, _value(plain, path, default), default, required, said, _meaning(path)))
    return found


def commented(design: Design) -> str:
    """YAML that `Design.load` reads as this design: every key, the defaults too, with units and meanings behind it.

    The keys of a part that the design has not are comments.
    """
    plain = design.model_dump(mode="json")
    texts = {name: plain[name] for name in _TEXTS}
    lines = ["# A file of your own needs `preset: NAME` and the keys that differ.\n"]
    lines.append(_dumped({"name": texts.pop("name"), "description": texts.pop("description")}))
    keys = keys_of(design)
    parts = {key.path[0]: [other for other in keys if other.path[0] == key.path[0]] for key in keys}
    for part, inside in parts.items():
        if len(inside) == 1 and len(inside[0].path) == 1:
            lines.append(_line(inside[0], ""))
            continue
        absent = plain[part] is None
        lines.append(f"# {part}:  # this design has none\n" if absent else f"{part}:\n")
        lines += [_line(key, "#   " if absent else "  ") for key in inside]
        if part == "amplifier":
            lines.append(_circuit(None if absent else plain[part].get("circuit")))
    return "".join(lines) + _dumped(texts)


def _circuit(circuit: Any) -> str:
    """What a file's amplifier was measured on, in one line; as a comment where there is none."""
    if circuit is not None:
        return f"  circuit: {json.dumps(circuit)}\n"
    keys = " ".join(f"{name}:" for name in AmplifierCircuit.model_fields)
    told = "written for an amplifier that is given as file, subcircuit, pins and supply"
    return f"  # circuit: {{{keys}}}  # {told}\n"


def _line(key: Key, before: str) -> str:
    value = "" if key.value is None and before.startswith("#") else _dumped(key.value)
    told = [f"[{key.unit}]"] if key.unit else []
    if key.value is None and key.default is not None:
        told.append(f"default {key.default};")
    if key.value is None and key.required:
        told.append("required;")
    meaning = re.sub(r" +([,;:.])", r"\1", key.meaning.replace(f"[{key.unit}]", "")).strip(" .")
    told += [meaning] if meaning else []
    return f"{before}{key.path[-1]}: {value}".rstrip() + (f"  # {' '.join(told)}\n" if told else "\n")


def _dumped(value: Any) -> str:
    if isinstance(value, dict):
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)
    return yaml.safe_dump(value).removesuffix("\n").removesuffix("\n...")


def _value(plain: Any, path: tuple[str, ...], default: Any) -> Any:
    for name in path:
        # What an amplifier of values lacks is left out of it.
        plain = None if plain is None else plain.get(name, default)
    return plain


def _meaning(path: tuple[str, ...]) -> str:
    model: type[BaseModel] = Design
    for name in path[:-1]:
        model = next(part for part in _models(model.model_fields[name].annotation))
    return meanings_of(model).get(path[-1], "")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)
