"""From words and files to values."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import _amplifiers as amplifiers
    from . import _chips as chips
    from ._amplifiers import AmplifierOptions as AmplifierOptions
    from ._linear_algebra import Kind as Kind
    from ._linear_algebra import check as check
    from ._linear_algebra import get_device as get_device
    from ._linear_algebra import get_given as get_given
    from ._linear_algebra import get_kind as get_kind
    from ._linear_algebra import get_problem as get_problem
    from ._programs import ProgramOptions as ProgramOptions
    from ._programs import get_scaling as get_scaling

__all__ = [
    "AmplifierOptions",
    "Kind",
    "ProgramOptions",
    "amplifiers",
    "check",
    "chips",
    "get_device",
    "get_given",
    "get_kind",
    "get_problem",
    "get_scaling",
]

_MODULES = ("amplifiers", "chips")
_HOMES = {
    "AmplifierOptions": "_amplifiers",
    "Kind": "_linear_algebra",
    "ProgramOptions": "_programs",
    "check": "_linear_algebra",
    "get_device": "_linear_algebra",
    "get_given": "_linear_algebra",
    "get_kind": "_linear_algebra",
    "get_problem": "_linear_algebra",
    "get_scaling": "_programs",
}


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: together they take seconds."""
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"._{name}", __name__)
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
