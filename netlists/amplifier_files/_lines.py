"""A library's text as logical lines: comments gone, continuations joined, one plain character set."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .._exceptions import NetlistError

_COMMENT = re.compile(r";|//|(?:(?<=\s)|^)\$")
_PLAIN = re.compile(r"[\t\x20-\x7e]*")
_MICRO = re.compile("(?<=[0-9])[\u00b5\u03bc]")
"""The sign that data sheets put where SPICE has a u."""


@dataclass(frozen=True, slots=True)
class Line:
    """One card, its continuations joined; `where` is file and line."""

    text: str
    where: str

    @property
    def word(self) -> str:
        """The first one, in lower case."""
        return self.text.split(None, 1)[0].lower()

    def refused(self, why: str) -> NetlistError:
        """An error that names file, line and card."""
        return NetlistError(f"{self.where}: {shown(self.text)}: {why}")


def shown(text: str) -> str:
    """A card for a message, shortened."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def decoded(data: bytes) -> str:
    """Text of a library: UTF-8 or UTF-16 by its mark, else UTF-8, else Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def logical_lines(text: str, name: str) -> Iterator[Line]:
    """The cards of a library in order.

    Raises:
        NetlistError: a character that a card cannot have, a backquote, or a continuation of nothing.
    """
    parts: list[str] = []
    start = 0
    for number, raw in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        content = _without_comment(raw.strip())
        if not content:
            continue
        _check(content, f"{name}, line {number}")
        if content.startswith("+"):
            if not parts:
                raise NetlistError(f"{name}, line {number}: {shown(content)}: continues a line that is not there")
            parts.append(content[1:].strip())
            continue
        if parts:
            yield Line(" ".join(parts), f"{name}, line {start}")
        parts = [content]
        start = number
    if parts:
        yield Line(" ".join(parts), f"{name}, line {start}")


def _without_comment(line: str) -> str:
    if line.startswith("*"):
        return ""
    found = _COMMENT.search(line)
    return _MICRO.sub("u", line[: found.start()] if found else line).replace("\u00a0", " ").strip()


def _check(content: str, where: str) -> None:
    if not _PLAIN.fullmatch(content):
        raise NetlistError(f"{where}: {shown(ascii(content))}: expected ASCII outside of comments")
    if "`" in content:
        raise NetlistError(f"{where}: {shown(content)}: a backquote can run commands; expected none")
