"""The libraries of language models, which an extra installs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ....files import UnreadableFile, check_plain
from ....files.opening import FileKind
from ..._exceptions import TaskError


def libraries() -> tuple[Any, Any]:
    """transformers and peft; raises `TaskError` without them."""
    try:
        import peft
        import transformers
    except ImportError as error:
        raise TaskError(
            f"squad: needs transformers and peft ({error}); install them by: pip install 'thermospice[language]'"
        ) from error
    return transformers, peft


@contextmanager
def without_their_reports() -> Iterator[None]:
    """What they say of a loading in many lines is looked at here, and said in one."""
    transformers, _ = libraries()
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity(transformers.logging.CRITICAL)
    try:
        yield
    finally:
        transformers.logging.set_verbosity(before)


def check(path: Path, kind: FileKind, expected: str = "") -> None:
    """The libraries open files by their names, and would wait for a pipe for ever. Raises `TaskError`."""
    try:
        check_plain(path, kind)
    except UnreadableFile as error:
        raise TaskError(f"{error}{expected and f'; expected {expected}'}") from None


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
