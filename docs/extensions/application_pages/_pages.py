"""Markdown of the command line, of the settings and of the doors, from the application itself."""

import ast
import csv
import inspect
import json
import re
import textwrap
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import annotated_types
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

ROOMS = (
    "circuits",
    "measurements",
    "netlists",
    "behavioral",
    "training",
    "reports",
    "fidelity",
    "campaigns",
    "files",
)
FOLDERS = (
    "circuits.programs",
    "circuits.topologies",
    "circuits.tolerances",
    "measurements.lab",
    "netlists.amplifiers",
    "netlists.exports",
    "behavioral.linear_algebra",
    "behavioral.programs",
    "training.optimizers",
    "training.tasks",
)
"""Folders that users enter beside the doors of the rooms."""


# The command line


def application() -> dict[str, Any]:
    """The commands by name."""
    from thermospice.cli._app import app

    group: Any = typer.main.get_command(app)
    return dict(group.commands)


def commands() -> str:
    return "\n\n".join(_command(name, command) for name, command in application().items())


def _command(name: str, command: Any) -> str:
    parts = [f"## {name}", _prose(inspect.cleandoc(command.help or ""))]
    if command.epilog:
        examples = re.sub(r"^Example: ", "", command.epilog)
        # Several examples stand behind each other, with a word on each.
        lines = [re.sub(r"^(?:for [\w ]+|[\w ]+): ", "", part) for part in examples.split("; ")]
        parts.append("```console\n" + "\n".join(f"$ {line}" for line in lines) + "\n```")
    shown = [p for p in command.params if not getattr(p, "hidden", False)]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    if arguments:
        rows = ((_code(p.metavar or p.name.upper()), _split_help(p)[0]) for p in arguments)
        parts.append(_table(("argument", "meaning"), rows))
    options = [p for p in shown if p.param_type_name == "option"]
    parts.append(_table(("option", "value", "default", "meaning"), map(_option, options)))
    return "\n\n".join(parts)


def _option(option: Any) -> tuple[str, ...]:
    names = ", ".join(_code(name) for name in (*option.opts, *option.secondary_opts))
    meaning, default = _split_help(option)
    return names, _value(option), default, meaning


def _value(option: Any) -> str:
    if _is_flag(option):
        return ""
    known: Any = getattr(option, "type_descriptor", None)
    words = {"Path": "PATH", "str": "TEXT", "int": "INTEGER", "float": "NUMBER"}
    kind = re.findall(r"Path|str|int|float", str(getattr(known, "annotation", option.name)))
    return _code(option.metavar or (words[kind[-1]] if kind else "TEXT"))


def _is_flag(option: Any) -> bool:
    return bool(option.secondary_opts) or bool(option.is_flag) or isinstance(option.default, bool)


def _split_help(parameter: Any) -> tuple[str, str]:
    """The meaning, and the default that the help ends with or that the parameter has."""
    text = " ".join((parameter.help or "").replace("\\[", "[").split())
    told = re.search(r" \[(default[^\]]*)\]$", text)
    if told is not None:
        return _prose(text[: told.start()]), _prose(told.group(1).removeprefix("default: ").removeprefix("default "))
    return _prose(text), _default(parameter)


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        return _prose(parameter.show_default)
    default = parameter.default
    return "" if default in (None, "", (), []) or isinstance(default, bool) or callable(default) else _code(default)


# Settings


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
    about = _prose(" ".join(inspect.cleandoc(model.__doc__ or "").split()))
    rows = (_field(name, field, said.get(name, "")) for name, field in model.model_fields.items())
    return f"{heading}{about}\n\n" + _table(("field", "unit", "default", "range", "meaning"), rows)


def _field(name: str, field: FieldInfo, meaning: str) -> tuple[str, ...]:
    from thermospice.files.quantities import UNITS, In

    parts = list(_parts(field))
    unit = next((UNITS[part.unit].said for part in parts if isinstance(part, In)), "")
    return _code(name), _prose(unit), default_of(field), _range(parts), _prose(meaning)


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
        return _code(", ".join(map(str, field.default)))
    if isinstance(field.default, bool):
        return _code(str(field.default).lower())
    return _code(f"{field.default:g}" if isinstance(field.default, float) else field.default)


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
            found.append(", ".join(_code(word) for word in get_args(part)))
        for kind, sign in signs.items():
            if isinstance(part, kind):
                found.append(f"{sign} {getattr(part, kind.__name__.lower())}")
        if isinstance(part, annotated_types.MinLen):
            found.append(f"at least {part.min_length}")
        if isinstance(part, annotated_types.MaxLen):
            found.append(f"at most {part.max_length} long")
    return ", ".join(dict.fromkeys(found))


def presets() -> str:
    from thermospice.circuits import Design

    known = [Design.preset(name) for name in Design.presets()]
    rows = ((_code(d.name), f"{d.R0:g} ohm", f"{d.C:g} F", f"{d.tau:.3g} s", _prose(d.description)) for d in known)
    return _table(("preset", "R0", "C", "tau = R0 C", "what it is"), rows)


def benchmarks() -> str:
    """What each benchmark measures, by its own words, and how it is called."""
    rows = []
    for path in sorted((Path(__file__).parents[2] / "benchmarks").glob("bench_*.py")):
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = " ".join(said.partition("\n\n")[0].split())
        call = next((line.strip() for line in said.splitlines() if line.strip().startswith("python ")), "")
        rows.append((_prose(first), _code(call or f"python benchmarks/{path.name}")))
    return _table(("what", "command"), rows)


def board() -> str:
    """The measured board, from the table that its example writes."""
    with (Path(__file__).parent.parent / "validation" / "two-node-board.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    shown = [row for row in rows if not row["quantity"].startswith("density")]
    head = ("quantity", "measured", "±", "predicted", "measured / predicted", "standard errors away")
    names = ("measured", "standard_error", "predicted", "measured_over_predicted", "z")
    return _table(head, ((row["quantity"], *(_rounded(row[name]) for name in names)) for row in shown))


def faults() -> str:
    """Single faults by kind, from the table that the benchmark writes."""
    path = Path(__file__).parent.parent / "validation" / "faults.json"
    kinds = json.loads(path.read_text(encoding="utf-8"))["kinds"]
    names = ("planted", "caught", "below", "missed")
    total = {"kind": "all", **{name: sum(kind[name] for kind in kinds) for name in names}}
    head = ("fault", "planted", "caught", "effect below a limit", "missed")
    return _table(head, ((kind["kind"], *(str(kind[name]) for name in names)) for kind in [*kinds, total]))


def _rounded(text: str) -> str:
    return f"{float(text):.4g}" if text else ""


# Python


def doors() -> str:
    return "\n\n".join(_door(name) for name in (*ROOMS, *FOLDERS))


def public_names(module: Any) -> list[str]:
    """Names that a door hands on, in their order."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    own = ast.parse(inspect.getsource(module))
    named = [alias for node in own.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    return [alias.asname or alias.name for alias in named if alias.asname is not None]


def _door(name: str) -> str:
    place = f"thermospice.{name}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = import_module(place)
        parts = [f"## {place}", _prose(inspect.cleandoc(module.__doc__ or ""))]
        parts += [_entry(place, public, getattr(module, public)) for public in public_names(module)]
    return "\n\n".join(parts)


def _entry(place: str, name: str, value: Any) -> str:
    if not callable(value):
        return f"### {place}.{name}\n\nA {_code(type(value).__name__)}."
    documented = inspect.cleandoc(value.__doc__ or "").partition("\n\n")
    # A dataclass without a docstring gets its signature as one.
    text = "" if documented[0].startswith(f"{name}(") else documented[0]
    parts = [f"### {place}.{name}", f"```python\n{name}{_signature(value)}\n```", _docstring(text, documented[2])]
    if inspect.isclass(value):
        parts.append(_methods(value))
    return "\n\n".join(part for part in parts if part)


def _signature(value: Any) -> str:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "(...)"
    plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    shown = signature.replace(parameters=[_short(p) for p in plain], return_annotation=signature.empty)
    return str(shown)


class _Dots:
    def __repr__(self) -> str:
        return "..."


def _short(parameter: inspect.Parameter) -> inspect.Parameter:
    """Without a default that would fill the line, or that is made anew each time."""
    default = repr(parameter.default)
    is_short = len(default) < 40 and "factory" not in default and parameter.default is not ...
    return parameter if parameter.default is parameter.empty or is_short else parameter.replace(default=_Dots())


def _docstring(first: str, rest: str) -> str:
    """The text with its parts: `Args:`, `Returns:` and `Raises:` become lists."""
    parts = [_prose(" ".join(first.split()))]
    for block in filter(None, (part.strip("\n") for part in rest.split("\n\n"))):
        head, _, body = block.partition("\n")
        if head in ("Args:", "Returns:", "Raises:", "Yields:", "Attributes:"):
            parts.append(f"*{head.rstrip(':')}*\n\n" + "\n".join(f"- {_prose(item)}" for item in _items(body)))
        elif block.startswith("    "):
            parts.append("```text\n" + textwrap.dedent(block) + "\n```")
        else:
            parts.append(_prose(" ".join(block.split())))
    return "\n\n".join(parts)


def _items(body: str) -> list[str]:
    items: list[str] = []
    for line in textwrap.dedent(body).splitlines():
        if line.startswith(" ") and items:
            items[-1] += " " + line.strip()
        else:
            items.append(line.strip())
    return [item for item in items if item]


def _methods(kind: type) -> str:
    rows = []
    for name, value in vars(kind).items():
        plain = getattr(value, "__func__", getattr(value, "fget", value))
        if name.startswith("_") or not (inspect.isfunction(plain) and plain.__doc__):
            continue
        call = name if isinstance(value, property) else f"{name}()"
        rows.append((_code(call), _prose(" ".join(inspect.cleandoc(plain.__doc__).partition("\n\n")[0].split()))))
    return _table(("of it", "what it gives"), rows) if rows else ""


# Markdown


def _table(head: tuple[str, ...], rows: Any) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    lines += [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _code(value: Any) -> str:
    return f"`{value}`"


def _prose(text: str) -> str:
    """Text as it stands, with what markdown would take for its own written out; code stays code."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if k % 2 else re.sub(r"([\\*_$<>\[\]#{}])", r"\\\1", piece) for k, piece in enumerate(pieces))
