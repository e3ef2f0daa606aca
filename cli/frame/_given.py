"""Options that were written on the command line, apart from those that have their defaults."""

from collections.abc import Iterable

import typer

from .._exceptions import InputError

ALWAYS = ("out", "resume", "seed", "quiet", "as_json")
"""What goes with everything."""


def written(context: typer.Context) -> tuple[str, ...]:
    """The parameters that the command line names, in the command's order."""
    names = (parameter.name for parameter in context.command.params)
    return tuple(name for name in names if name is not None and _source(context, name) == "COMMANDLINE")


def refuse_beside(context: typer.Context, option: str, why: str, allowed: Iterable[str] = ()) -> None:
    """Raise `InputError` for what is written beside an option that leaves it without a meaning.

    Args:
        context: of the command.
        option: as a message names it.
        why: what the option does instead.
        allowed: parameters that go with it, besides those of every command.
    """
    names = {parameter.name: parameter.opts[-1] for parameter in context.command.params}
    useless = [name for name in written(context) if name not in (*ALWAYS, *allowed)]
    if useless:
        told = ", ".join(names.get(name, name) or name for name in useless)
        raise InputError(f"{option}: {why}; remove {told}")


def _source(context: typer.Context, name: str) -> str:
    source = context.get_parameter_source(name)
    return "" if source is None else source.name
