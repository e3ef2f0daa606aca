"""The command line, and nothing that a Python user would want."""

from typing import TYPE_CHECKING, Any

from ._exceptions import InputError as InputError
from ._main import main as main

if TYPE_CHECKING:
    from ._app import app as app

__all__ = ["InputError", "app", "main"]


def __getattr__(name: str) -> Any:
    """The application, which loads typer, when it is asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._app import app

    return app
