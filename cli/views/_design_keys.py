"""Every key that a design can have, with its value, its unit and its meaning."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ...circuits import Design
from ...files.quantities import UNITS, fields_of, unit_of

_TEXTS = ("name", "description", "sources")
"""Keys that say what a design is, and not how large something is."""

_MEASURED_ON = ("amplifier", "circuit")
"""What the amplifier's values were measured on; not for hands, which name the file instead."""

_OF_A_FILE = """\
  # Instead of values, those of a subcircuit of your own, measured on its file:
  # file: opamp.lib  # beside this file
  # subcircuit: NAME
  # pins: {plus: 1, minus: 2, out: 3, vdd: 4, vss: 5}  # its nodes, by name or position
  # supply: [-5 V, 5 V]
"""


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
        """With its parts, such as `amplifier.gain`."""
        return ".".join(self.path)


def keys_of(design: Design) -> list[Key]:
    """All of them, in the order of the file."""
    plain = design.model_dump(mode="json")
    found = []
    for path, field in fields_of(Design):
        unit = unit_of(Design, path)
        if unit is None or path[:2] == _MEASURED_ON:
            continue
        default = None if field.default is PydanticUndefined else field.default
        said = UNITS[unit].said
        required = field.is_required()
        found.append(Key(path, _value(design, plain, path), default, required, said, _meaning(path)))
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
        if part == _MEASURED_ON[0]:
            lines += [textwrap.indent(_dumped({"circuit": plain[part]["circuit"]}), "  ")] if _has_file(plain) else []
            lines.append(_OF_A_FILE)
    return "".join(lines) + _dumped(texts)


def _has_file(plain: dict[str, Any]) -> bool:
    return plain["amplifier"] is not None and "circuit" in plain["amplifier"]


def _line(key: Key, before: str) -> str:
    value = "" if key.value is None and before.startswith("#") else _dumped(key.value)
    told = [f"[{key.unit}]"] if key.unit else []
    if key.value is None and key.default is not None:
        told.append(f"default {key.default};")
    if key.value is None and key.required:
        told.append("required;")
    meaning = key.meaning.replace(f"[{key.unit}]", "").replace(" ;", ";").replace(" .", ".").strip(" .")
    told += [meaning] if meaning else []
    return f"{before}{key.path[-1]}: {value}".rstrip() + (f"  # {' '.join(told)}\n" if told else "\n")


def _dumped(value: Any) -> str:
    if isinstance(value, dict):
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)
    return yaml.safe_dump(value).removesuffix("\n").removesuffix("\n...")


def _value(design: Design, plain: Any, path: tuple[str, ...]) -> Any:
    """As a file has it, with its unit where a number needs one; what a file leaves out by its number."""
    part: Any = design
    for name in path:
        part = None if part is None else getattr(part, name)
        plain = plain.get(name) if isinstance(plain, dict) else None
    return part if plain is None else plain


def _meaning(path: tuple[str, ...]) -> str:
    model: type[BaseModel] = Design
    for name in path[:-1]:
        model = next(part for part in _models(model.model_fields[name].annotation))
    return _docstrings(model).get(path[-1], "")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """What stands below each field in the source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        before.target.id: " ".join(after.value.value.split())
        for before, after in zip(body.body, body.body[1:], strict=False)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    }
