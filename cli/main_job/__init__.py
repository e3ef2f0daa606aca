"""`thermospice run` in stages."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._forecast import main_job_forecast as main_job_forecast
    from ._main_job import main_job as main_job
    from ._state import JobSettings as JobSettings
    from ._state import State as State

_HOMES = {"JobSettings": "_state", "State": "_state", "main_job": "_main_job", "main_job_forecast": "_forecast"}


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: together they take seconds."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
