"""How the first process of a data-parallel run leads the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._ranks import Ranks


class Lead:
    """The first process tells the others before each step that it comes, and at the end that none does."""

    def __init__(self, ranks: Ranks | None) -> None:
        self._ranks = ranks
        self._awaited = ranks is not None

    def share(self, state: dict[str, Any] | None) -> None:
        if self._ranks is not None:
            self._ranks.agree(state)

    @contextmanager
    def step(self) -> Iterator[None]:
        if self._ranks is not None:
            self._ranks.agree(True)
        self._awaited = False
        yield
        self._awaited = self._ranks is not None

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._ranks is not None and self._awaited:
            self._ranks.agree(False)
