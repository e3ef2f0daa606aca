"""What a run was asked for and which of its stages are done, on disk."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import with_config

from ...files.opening import check_seed
from ..frame import STRICT, StoredCount, StoredSeconds, StoredSeed, checked, load_state, save_state, state_file


@with_config(STRICT)
@dataclass(frozen=True, slots=True)
class JobSettings:
    """Options of the run; they stay the same when it is resumed."""

    seed: StoredSeed = 0
    quick: bool = False
    design: str = "board-1k-1n"
    size: StoredCount = 8

    def __post_init__(self) -> None:
        check_seed(self.seed)


@with_config(STRICT)
@dataclass(frozen=True, slots=True)
class _Stored:
    """The file without the name of the command."""

    settings: JobSettings
    done: Mapping[str, StoredSeconds]


@dataclass(frozen=True, slots=True)
class State:
    """Settings, and the stages that are done with their time [s]."""

    folder: Path
    settings: JobSettings
    done: Mapping[str, float]

    @classmethod
    def fresh(cls, folder: Path, settings: JobSettings) -> "State":
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
        found = load_state(folder, "run")
        stored = checked(_Stored, {key: value for key, value in found.items() if key != "command"}, state_file(folder))
        return cls(folder, stored.settings, stored.done)

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
        save_state(self.folder, "run", asdict(_Stored(self.settings, self.done)))
