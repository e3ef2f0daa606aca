"""matplotlib, loaded where no file of the current folder can speak to it; everybody else takes it after this module.

Its settings come from a `matplotlibrc`, and it looks for one in the current folder first: among results that others
have written, and even where that is a pipe. What the figures look like is said by `Theme` alone.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def _away_from_settings() -> Iterator[None]:
    """In another folder while there are settings in this one; a process has only one current folder."""
    if not os.path.lexists("matplotlibrc"):
        yield
        return
    here = os.open(".", os.O_RDONLY)
    os.chdir(Path(__file__).parent)
    try:
        yield
    finally:
        os.fchdir(here)
        os.close(here)


with _away_from_settings():
    import matplotlib as matplotlib
