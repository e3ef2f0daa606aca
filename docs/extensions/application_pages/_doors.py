"""Markdown of the public names of Python, from the doors of the rooms."""

import ast
import inspect
import textwrap
import warnings
from importlib import import_module
from typing import Any

from ._markdown import code, prose, table

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
        parts = [f"## {place}", prose(inspect.cleandoc(module.__doc__ or ""))]
        parts += [_entry(place, public, getattr(module, public)) for public in public_names(module)]
    return "\n\n".join(parts)


def _entry(place: str, name: str, value: Any) -> str:
    if not callable(value):
        return f"### {place}.{name}\n\nA {code(type(value).__name__)}."
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
    parts = [prose(" ".join(first.split()))]
    for block in filter(None, (part.strip("\n") for part in rest.split("\n\n"))):
        head, _, body = block.partition("\n")
        if head in ("Args:", "Returns:", "Raises:", "Yields:", "Attributes:"):
            parts.append(f"*{head.rstrip(':')}*\n\n" + "\n".join(f"- {prose(item)}" for item in _items(body)))
        elif block.startswith("    "):
            parts.append("```text\n" + textwrap.dedent(block) + "\n```")
        else:
            parts.append(prose(" ".join(block.split())))
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
        rows.append((code(call), prose(" ".join(inspect.cleandoc(plain.__doc__).partition("\n\n")[0].split()))))
    return table(("of it", "what it gives"), rows) if rows else ""
