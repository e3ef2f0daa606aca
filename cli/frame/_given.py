"""Options that were written on the command line, apart from those that have their defaults."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from .._exceptions import InputError

ALWAYS = ("out", "resume", "seed", "quiet", "as_json")
"""What goes with everything."""


_ARGUMENTS = "thermospice.arguments"


class RememberingGroup(TyperGroup):
    """The application's commands; what was typed stays with them, so that a result can say how it was made."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context, as the command line's library makes it."""
        typed = tuple(map(str, args))
        context = super().make_context(info_name, args, parent, **extra)
        # What is called in it shares this mapping.
        context.meta[_ARGUMENTS] = typed
        return context

    def invoke(self, context: Any) -> Any:
        """What the command gives; an interrupt that it does not answer itself is told like those before it."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            raise typer.Abort from None


def current_context() -> Any:
    """The command that runs, with its options; None outside of the command line."""
    try:
        click: Any = import_module("typer._click.globals")  # newer versions of typer bring their own click
    except ModuleNotFoundError:
        click = import_module("click")
    return click.get_current_context(silent=True)


def typed_arguments() -> tuple[str, ...]:
    """Behind the program's name; none outside of the command line."""
    context = current_context()
    return () if context is None else context.meta.get(_ARGUMENTS, ())


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
