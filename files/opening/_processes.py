"""What a process that this package starts may see and use: no code of the current folder, and so many cores."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SAFE_PATH = "PYTHONSAFEPATH"
"""Where it is set, Python does not look for modules in the current folder."""

_SEARCH_PATH = "PYTHONPATH"


def child_environment(**more: str) -> dict[str, str]:
    """The environment of a Python process that is started here: it imports from absolute folders only.

    A stray `json.py` beside a study would otherwise stand for the library's, and so would a `sitecustomize.py`.
    """
    return {**os.environ, **_safe_path(), **more}


def trust_no_current_folder() -> None:
    """Let neither this process nor those that it starts import modules from the folder in which it was started."""
    meant = {os.path.normpath(Path(place or ".").absolute()) for place in _relative_places()}
    sys.path[:] = [place for place in sys.path if Path(place).is_absolute() and place not in meant]
    os.environ.update(_safe_path())


def available_cores() -> int:
    """Cores that this process may use, of those that the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def current_folder_left_out() -> Iterator[None]:
    """Processes that are started inside do not import from the current folder; for `multiprocessing`."""
    before = {name: os.environ.get(name) for name in (SAFE_PATH, _SEARCH_PATH)}
    os.environ.update(_safe_path())
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _relative_places() -> list[str]:
    """Parts of the search path that are not absolute; Python has made them so in its own."""
    places = os.environ.get(_SEARCH_PATH, "").split(os.pathsep) if os.environ.get(_SEARCH_PATH) else []
    absolute = [place for place in places if Path(place).is_absolute()]
    return [place for place in places if place not in absolute]


def _safe_path() -> dict[str, str]:
    # An empty part of a search path, such as a colon at its end leaves, is the current folder too.
    given = os.environ.get(_SEARCH_PATH)
    if given is None:
        return {SAFE_PATH: "1"}
    places = [place for place in given.split(os.pathsep) if Path(place).is_absolute()]
    return {SAFE_PATH: "1", _SEARCH_PATH: os.pathsep.join(places)}
