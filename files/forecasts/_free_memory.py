"""Memory that a new process can have."""

from pathlib import Path

from ..opening import FileKind, UnreadableFile, read_text

_SYSTEM, _GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
_SAYS = FileKind("what the kernel says of memory", 1 << 16)


def free_memory() -> float | None:
    """What the machine has free, or what is left to this process's group [byte]; None where the system does not say."""
    known = [free for free in (_of_the_system(), _of_the_group()) if free is not None]
    return min(known, default=None)


def _of_the_system() -> float | None:
    free = _entry(_text(_SYSTEM), "MemAvailable:")
    return None if free is None else 1024 * free


def _of_the_group() -> float | None:
    """A container's limit, less what it holds; files that are kept in memory give way."""
    limit, held = _text(_GROUP / "memory.max").strip(), _text(_GROUP / "memory.current").strip()
    if not (limit.isdecimal() and held.isdecimal()):
        return None
    given_way = _entry(_text(_GROUP / "memory.stat"), "inactive_file") or 0.0
    return max(float(limit) - float(held) + given_way, 0.0)


def _entry(text: str, name: str) -> float | None:
    found = [words[1] for line in text.splitlines() if (words := line.split())[:1] == [name] and len(words) > 1]
    return float(found[0]) if found and found[0].isdecimal() else None


def _text(path: Path) -> str:
    try:
        return read_text(path, _SAYS)
    except UnreadableFile:
        return ""
