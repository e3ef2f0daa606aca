"""What a run was asked for and which of its stages are done, on disk."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from .._bounds import check_seed
from .._errors import InputError
from .._folder import read_json, write_json

_FILE = "state.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of the run; they stay the same when it is resumed."""

    seed: int = 0
    quick: bool = False
    design: str = "board-1k-1n"
    size: int = 8

    def __post_init__(self) -> None:
        check_seed(self.seed)


@dataclass(frozen=True, slots=True)
class State:
    """Settings, and the stages that are done with their time [s]."""

    folder: Path
    settings: Settings
    done: Mapping[str, float]

    @classmethod
    def fresh(cls, folder: Path, settings: Settings) -> "State":
        """A run that begins."""
        state = cls(folder, settings, {})
        state._save()
        return state

    @classmethod
    def resume(cls, folder: Path) -> "State":
        """A run that was interrupted.

        Raises:
            InputError: the folder is not one of `thermospice run`.
        """
        path = folder / _FILE
        found = read_json(path) if path.exists() else {}
        if not isinstance(found, dict) or found.get("command") != "run":
            raise InputError(f"{folder}: --resume expects a folder of `thermospice run`, with its {_FILE}")
        try:
            return cls(folder, Settings(**found["settings"]), dict(found["done"]))
        except (KeyError, TypeError):
            raise InputError(f"{path}: not the state of a run; begin a new one with --out") from None

    def run(self, stage: str, work: Callable[[], None]) -> "State":
        """Do a stage unless it is done, and remember it."""
        if stage in self.done:
            return self
        started = time.perf_counter()
        work()
        state = State(self.folder, self.settings, {**self.done, stage: time.perf_counter() - started})
        state._save()
        return state

    def _save(self) -> None:
        write_json(
            self.folder / _FILE,
            {"command": "run", "settings": asdict(self.settings), "done": dict(self.done)},
        )
