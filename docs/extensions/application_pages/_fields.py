"""Markdown of the fields of a file, from the models that check it."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ._markdown import code, prose, table


def fields(place: str) -> str:
    """A table of a model's fields; models inside it follow under their own names."""
    module, _, name = place.partition(":")
    model = getattr(import_module(module), name)
    return "\n\n".join(_models_table(path, inner) for path, inner in _models(model))


def _models(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    from thermospice.circuits import Design

    # A design has a page of its own.
    if path and model is Design:
        return
    yield path, model
    for name, field in model.model_fields.items():
        for inner, step in _inner(field.annotation, name):
            yield from _models(inner, f"{path}.{step}" if path else step)


def _inner(annotation: Any, step: str) -> Iterator[tuple[type[BaseModel], str]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, step
        return
    names = ["NAME"] if "Mapping" in str(get_origin(annotation)) or get_origin(annotation) is dict else []
    many = ["[]"] if get_origin(annotation) in (tuple, list) else []
    deeper = ".".join([step, *names]) + "".join(many)
    for argument in get_args(annotation):
        yield from _inner(argument, deeper)


def _models_table(path: str, model: type[BaseModel]) -> str:
    heading = f"## `{path}`\n\n" if path else ""
    from thermospice.files.quantities import meanings_of

    said = meanings_of(model)
    about = prose(" ".join(inspect.cleandoc(model.__doc__ or "").split()))
    rows = (_field(name, field, said.get(name, "")) for name, field in model.model_fields.items())
    return f"{heading}{about}\n\n" + table(("field", "unit", "default", "range", "meaning"), rows)


def _field(name: str, field: FieldInfo, meaning: str) -> tuple[str, ...]:
    from thermospice.files.quantities import UNITS, In

    parts = list(_parts(field))
    unit = next((UNITS[part.unit].said for part in parts if isinstance(part, In)), "")
    return code(name), prose(unit), default_of(field), _range(parts), prose(meaning)


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        made = field.default_factory()  # type: ignore[call-arg]
        return "those below" if isinstance(made, BaseModel) else "none"
    if field.default is None or field.default is PydanticUndefined or field.default in ((), ""):
        return "none"
    if isinstance(field.default, BaseModel):
        return "those below"
    if isinstance(field.default, tuple):
        return code(", ".join(map(str, field.default)))
    if isinstance(field.default, bool):
        return code(str(field.default).lower())
    return code(f"{field.default:g}" if isinstance(field.default, float) else field.default)


def _parts(field: FieldInfo) -> Iterator[Any]:
    yield from field.metadata
    yield from _inside(field.annotation)


def _inside(annotation: Any) -> Iterator[Any]:
    for part in getattr(annotation, "__metadata__", ()):
        yield part
        yield from getattr(part, "metadata", ())
    yield annotation
    for argument in get_args(annotation):
        yield from _inside(argument)


def _range(parts: list[Any]) -> str:
    signs = {annotated_types.Ge: "≥", annotated_types.Gt: ">", annotated_types.Le: "≤", annotated_types.Lt: "<"}
    found = []
    for part in parts:
        if get_origin(part) is Literal:
            found.append(", ".join(code(word) for word in get_args(part)))
        for kind, sign in signs.items():
            if isinstance(part, kind):
                found.append(f"{sign} {getattr(part, kind.__name__.lower())}")
        if isinstance(part, annotated_types.MinLen):
            found.append(f"at least {part.min_length}")
        if isinstance(part, annotated_types.MaxLen):
            found.append(f"at most {part.max_length} long")
    return ", ".join(dict.fromkeys(found))
