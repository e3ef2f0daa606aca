"""Files that a library includes: from its own folder alone."""

import hashlib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...files import UnreadableFile
from ...files.opening import NETLIST, read_bytes
from .._exceptions import NetlistError
from ._lines import Line, decoded, logical_lines

_MOST_FILES = 32


@dataclass(slots=True)
class Reader:
    """Reads a file and what it includes; `digest` is of all that was read."""

    folder: Path
    files: list[str] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)

    open: list[Path] = field(default_factory=list)

    def lines(self, path: Path, section: str | None = None, by: Line | None = None) -> Iterator[Line]:
        """The cards of a file in order, those of included files in their places.

        Raises:
            NetlistError: unreadable, beyond the folder, or more files than anybody nests.
        """
        if by is not None and path in self.open:
            raise by.refused(f"{path.name} includes itself, in a circle")
        cards = self._cards(path, "" if by is None else f"{by.where}: ")
        self.open.append(path)
        yield from self._followed(cards if section is None else _section(cards, section, path.name))
        self.open.pop()

    def _cards(self, path: Path, lead: str) -> list[Line]:
        self.files.append(path.name)
        if len(self.files) > _MOST_FILES:
            raise NetlistError(f"{self.files[0]}: expected at most {_MOST_FILES} included files")
        try:
            data = read_bytes(path, NETLIST)
        except UnreadableFile as error:
            raise NetlistError(f"{lead}{path}: cannot read the amplifier: {error.reason}") from None
        self.digest.update(b"%d\n" % len(data) + data)
        text = decoded(data)
        if "\0" in text:
            raise NetlistError(f"{path}: expected text, got zero bytes")
        return list(logical_lines(text, path.name))

    def _followed(self, cards: list[Line]) -> Iterator[Line]:
        for line in cards:
            if line.word in (".include", ".inc", ".incl", ".lib") and len(words := _words(line)) > 1:
                yield from self.lines(self._beside(line, words[1]), words[2] if len(words) > 2 else None, line)
            elif line.word in (".include", ".inc", ".incl"):
                raise line.refused("expected the name of a file")
            elif line.word not in (".lib", ".endl"):
                yield line

    def _beside(self, line: Line, name: str) -> Path:
        path = self.folder / name
        # Only a name: neither a folder above nor a link may lead out.
        if name != Path(name).name or path.resolve().parent != self.folder.resolve():
            raise line.refused(f"expected a file beside it, in its own folder, got {name!r}")
        return path


def _words(line: Line) -> list[str]:
    try:
        return shlex.split(line.text, posix=True)
    except ValueError:
        raise line.refused("expected a name in quotes") from None


def _section(cards: list[Line], wanted: str, name: str) -> list[Line]:
    inside = False
    found = []
    for line in cards:
        words = _words(line) if line.word in (".lib", ".endl") else []
        if words and line.word == ".lib" and len(words) == 2 and words[1].lower() == wanted.lower():
            inside = True
        elif words and line.word == ".endl":
            inside = False
        elif inside:
            found.append(line)
    if not found:
        raise NetlistError(f"{name}: expected a section .lib {wanted}")
    return found
