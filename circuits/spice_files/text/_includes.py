"""Files that a file asks for: taken when its reader allows it, and from the file's own folder alone."""

from collections.abc import Callable
from pathlib import Path

from ..._exceptions import CircuitError
from ._lines import Line, logical_lines
from ._problems import Problems

MOST_FILES = 100
MOST_CHARACTERS = 64_000_000
"""Of all that is included together."""

_CARDS = frozenset({".include", ".inc", ".incl", ".lib"})


def with_parts(
    lines: list[Line], path: Path, include: bool, problems: Problems, read: Callable[[Path], str]
) -> list[Line]:
    """The lines with those of included files in their place.

    A part lies in the folder of the file that was asked for or below it, without a link that leads out. Its name is
    meant from the folder of the file that asks for it, as in ngspice, or from that of the whole, as in LTspice.
    """
    if not any(line.word in _CARDS for line in lines):
        return lines
    return _Parts(_resolved(path).parent, include, problems, read).put(lines, (_resolved(path),))


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path.absolute()


class _Parts:
    def __init__(self, folder: Path, include: bool, problems: Problems, read: Callable[[Path], str]) -> None:
        self._folder = folder
        self._include = include
        self._problems = problems
        self._read = read
        self._count = 0
        self._characters = 0

    def put(self, lines: list[Line], inside: tuple[Path, ...]) -> list[Line]:
        found: list[Line] = []
        for line in lines:
            if line.word not in _CARDS:
                found.append(line)
                continue
            try:
                found += self._part(line, inside)
            except (ValueError, CircuitError) as error:
                self._problems.add(line.place, f"{line.word}: {error}")
        return found

    def _part(self, line: Line, inside: tuple[Path, ...]) -> list[Line]:
        if not self._include:
            raise ValueError("other files are taken only when that is asked for (include)")
        name, section = _name_and_section(line)
        path = self._place(_relative(name), inside[-1].parent)
        if path in inside:
            raise ValueError(f"{name} includes itself")
        self._count += 1
        if self._count > MOST_FILES:
            raise ValueError(f"expected at most {MOST_FILES} files")
        text = self._read(path)
        self._characters += len(text)
        if self._characters > MOST_CHARACTERS:
            raise ValueError(f"expected files of at most {MOST_CHARACTERS:,} characters together")
        lines = logical_lines(text, str(path.relative_to(self._folder)), self._problems, titled=False).found
        return self.put(_section(lines, section) if section else lines, (*inside, path))

    def _place(self, name: str, beside: Path) -> Path:
        found = [_resolved(folder / name) for folder in dict.fromkeys((beside, self._folder))]
        path = next((path for path in found if _is_file(path)), found[0])
        if not path.is_relative_to(self._folder) or path == self._folder:
            raise ValueError(f"expected a file in the folder of the circuit, got {name!r}, a link that leads out of it")
        return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is longer than a system takes
        return False


def _relative(name: str) -> str:
    """A file's name as it was written, on Windows too.

    Raises:
        ValueError: one that leads out of the circuit's folder, or is none.
    """
    name = name.replace("\\", "/")
    if not name.isprintable() or "~" in name or not name.strip("./"):
        raise ValueError(f"expected the name of a file, got {name[:60]!r}")
    if name.startswith("/") or ":" in name or ".." in name.split("/"):
        raise ValueError(f"expected a file in the folder of the circuit or below it, got {name[:60]!r}")
    return name


def _name_and_section(line: Line) -> tuple[str, str]:
    rest = line.text.split(None, 1)[1].strip() if len(line.text.split(None, 1)) > 1 else ""
    if rest[:1] in ('"', "'"):
        name, _, section = rest[1:].partition(rest[0])
    else:
        name, _, section = rest.partition(" ")
    section = section.strip().lower()
    if not name or (section and line.word != ".lib") or len(section.split()) > 1:
        raise ValueError("expected the name of a file")
    return name, section


def _section(lines: list[Line], name: str) -> list[Line]:
    """The lines between `.lib name` and `.endl` of a library."""
    found: list[Line] = []
    inside = False
    seen = False
    for line in lines:
        if line.word == ".lib" and len(line.text.split()) == 2 and not inside:
            inside = line.text.split()[1].lower() == name
            seen = seen or inside
        elif line.word == ".endl":
            inside = False
        elif inside:
            found.append(line)
    if not seen:
        raise ValueError(f"there is no section {name!r}")
    return found
