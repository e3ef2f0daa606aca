"""Markdown of the command line, from the application itself."""

import inspect
import re
from typing import Any

import typer

from ._markdown import code, prose, table


def application() -> dict[str, Any]:
    """The commands by name."""
    from thermospice.cli._app import app

    group: Any = typer.main.get_command(app)
    return dict(group.commands)


def commands() -> str:
    return "\n\n".join(_command(name, command) for name, command in application().items())


def _command(name: str, command: Any) -> str:
    parts = [f"## {name}", prose(inspect.cleandoc(command.help or ""))]
    if command.epilog:
        examples = re.sub(r"^Example: ", "", command.epilog)
        # Several examples stand behind each other, with a word on each.
        lines = [re.sub(r"^(?:for [\w ]+|[\w ]+): ", "", part) for part in examples.split("; ")]
        parts.append("```console\n" + "\n".join(f"$ {line}" for line in lines) + "\n```")
    shown = [p for p in command.params if not getattr(p, "hidden", False)]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    if arguments:
        rows = ((code(p.metavar or p.name.upper()), _split_help(p)[0]) for p in arguments)
        parts.append(table(("argument", "meaning"), rows))
    options = [p for p in shown if p.param_type_name == "option"]
    parts.append(table(("option", "value", "default", "meaning"), map(_option, options)))
    return "\n\n".join(parts)


def _option(option: Any) -> tuple[str, ...]:
    names = ", ".join(code(name) for name in (*option.opts, *option.secondary_opts))
    meaning, default = _split_help(option)
    return names, _value(option), default, meaning


def _value(option: Any) -> str:
    if _is_flag(option):
        return ""
    known: Any = getattr(option, "type_descriptor", None)
    words = {"Path": "PATH", "str": "TEXT", "int": "INTEGER", "float": "NUMBER"}
    kind = re.findall(r"Path|str|int|float", str(getattr(known, "annotation", option.name)))
    return code(option.metavar or (words[kind[-1]] if kind else "TEXT"))


def _is_flag(option: Any) -> bool:
    return bool(option.secondary_opts) or bool(option.is_flag) or isinstance(option.default, bool)


def _split_help(parameter: Any) -> tuple[str, str]:
    """The meaning, and the default that the help ends with or that the parameter has."""
    text = " ".join((parameter.help or "").replace("\\[", "[").split())
    told = re.search(r" \[(default[^\]]*)\]$", text)
    if told is not None:
        return prose(text[: told.start()]), prose(told.group(1).removeprefix("default: ").removeprefix("default "))
    return prose(text), _default(parameter)


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        return prose(parameter.show_default)
    default = parameter.default
    return "" if default in (None, "", (), []) or isinstance(default, bool) or callable(default) else code(default)
