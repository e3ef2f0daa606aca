"""From a file's text to the lines that mean something: comments left out, continuations joined."""

import re
from dataclasses import dataclass

from ._problems import Place, Problems

MOST_CHARACTERS_OF_A_LINE = 200_000

_COMMENT = re.compile(r";|(?<=[ \t,])\$|//")
_INTERRUPTED = "simulators disagree on a continuation (+) behind a line that is a comment by ;: begin it with *"
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(slots=True)
class Line:
    """A line with its continuations, without comments."""

    place: Place
    text: str

    @property
    def word(self) -> str:
        """Its first word, in lower case."""
        return self.text.split(None, 1)[0].lower()


@dataclass(frozen=True, slots=True)
class Lines:
    """The title of a file and its lines up to `.end`."""

    title: str
    found: list[Line]


def logical_lines(text: str, file: str, problems: Problems, titled: bool = True) -> Lines:
    """The lines of a file; the first one is its title, unless it is a part of another file (`titled=False`)."""
    physical = text.split("\n")
    title = physical[0].strip() if titled else ""
    found: list[Line] = []
    more = _More([], 0)
    ended = interrupted = False
    for number, raw in enumerate(physical[titled:], start=1 + titled):
        stripped = raw.strip()
        if not stripped or stripped[0] in "*$" or stripped.startswith("//"):
            continue
        place = Place(file, number)
        if stripped[0] == "#":
            problems.add(place, "simulators disagree on a line that begins with #; begin a comment with *")
            continue
        plain = _without_comment(stripped)
        if not plain:
            interrupted = stripped[0] == ";"
            continue
        if ended:
            if plain.lower() != ".end":
                problems.add(place, "a line behind .end, which some simulators read and others do not")
                break
        elif plain[0] == "+":
            if interrupted:
                problems.add(place, _INTERRUPTED)
            more.add(found, plain[1:], place, problems)
        elif plain.lower() == ".end":
            ended = True
        else:
            interrupted = False
            more = more.put(found)
            found.append(Line(place, plain))
    more.put(found)
    return Lines(title, found)


@dataclass(slots=True)
class _More:
    """Continuations of the last line, until all of them are there: a long one would be copied with each."""

    pieces: list[str]
    size: int

    def add(self, found: list[Line], more: str, place: Place, problems: Problems) -> None:
        if not found:
            problems.add(place, "a continuation (+) of nothing")
        elif self.size + len(found[-1].text) + len(more) > MOST_CHARACTERS_OF_A_LINE:
            most = f"{MOST_CHARACTERS_OF_A_LINE:,}"
            problems.add(place, f"expected a line of at most {most} characters with continuations")
        else:
            self.pieces.append(more)
            self.size += len(more) + 1

    def put(self, found: list[Line]) -> "_More":
        """The last line with all of them; none are left."""
        if self.pieces:
            found[-1].text = " ".join((found[-1].text, *self.pieces))
        return _More([], 0)


def _without_comment(line: str) -> str:
    if ";" not in line and "$" not in line and "//" not in line:
        return line
    quoted = [match.span() for match in _QUOTED.finditer(line)]
    for match in _COMMENT.finditer(line):
        # A path in quotes may have two slashes.
        if not any(start < match.start() < end for start, end in quoted):
            return line[: match.start()].rstrip()
    return line
