"""Doors that hand on more than they have loaded: what is heavy, and names that have moved."""

import warnings
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any


def lazy_names(door: str, homes: Mapping[str, str], modules: Collection[str] = ()) -> Callable[[str], Any]:
    """A door's `__getattr__` that loads a name when it is asked for.

    Args:
        door: its `__name__`.
        homes: by a name, the module or folder that has it, as it is called below the door.
        modules: names that stand for a module of the door's own folder, which is called the same with an underscore.
    """

    def hand_on(name: str) -> Any:
        if name in modules:
            return import_module(f"{door}._{name}")
        if name in homes:
            return getattr(import_module(f"{door}.{homes[name]}"), name)
        raise AttributeError(f"module {door!r} has no attribute {name!r}")

    return hand_on


def moved_names(door: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A door's `__getattr__` that hands on names that have moved, for one release, with a `DeprecationWarning`.

    Args:
        door: its `__name__`.
        homes: by the old name, where it is; `place:name` where it is called otherwise there.
    """

    def hand_on(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {door!r} has no attribute {name!r}")
        place, _, renamed = homes[name].partition(":")
        now = f"{place}, as {renamed}" if renamed else place
        warnings.warn(f"{door}.{name} has moved to {now}", DeprecationWarning, stacklevel=2)
        return getattr(import_module(place), renamed or name)

    return hand_on
