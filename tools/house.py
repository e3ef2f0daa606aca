"""The house as it stands: which module imports which, read from the imports themselves, and a picture of its rooms.

`python tools/house.py` draws docs/house.svg again; a test holds the picture to the imports.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent

# From the ground up. A room may import those that stand beside its name, and itself.
ROOMS: Mapping[str, tuple[str, ...]] = {
    "files": (),
    "circuits": ("files",),
    "measurements": ("files", "circuits"),
    "netlists": ("files", "circuits", "measurements"),
    "behavioral": ("files", "circuits", "measurements"),
    "training": ("files", "circuits", "measurements", "netlists", "behavioral"),
    "reports": ("files",),
    "fidelity": ("files", "circuits", "measurements", "netlists", "behavioral", "training"),
    "campaigns": ("files", "circuits", "measurements", "netlists", "behavioral", "training", "reports"),
    "cli": (
        "files",
        "circuits",
        "measurements",
        "netlists",
        "behavioral",
        "training",
        "reports",
        "fidelity",
        "campaigns",
    ),
}

# The floors of the picture, from the top.
FLOORS = (
    ("cli",),
    ("fidelity", "campaigns"),
    ("training",),
    ("netlists", "behavioral"),
    ("measurements",),
    ("circuits", "reports"),
    ("files",),
)


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: where it is written, the module or folder that it is taken from, and the name."""

    importer: str
    """Path of the module, as `circuits/networks/_elements`."""
    source: str
    """Path of a module, or of a folder whose door is meant."""
    name: str
    line: int
    level: int
    """Number of leading dots."""
    late: bool
    """Inside a function, or for the type checker alone."""


def modules(room: str | None = None) -> list[str]:
    """Paths without suffix of all modules of a room, doors included as `folder/__init__`."""
    rooms = ROOMS if room is None else (room,)
    paths = [path for name in rooms for path in sorted((ROOT / name).rglob("*.py"))]
    return [str(path.relative_to(ROOT).with_suffix("")) for path in paths]


def folders(room: str) -> list[str]:
    """Folders with code inside a room, without the room itself."""
    inside = {module.rpartition("/")[0] for module in modules(room)}
    return sorted(folder for folder in inside if folder != room)


@cache
def imports(module: str) -> tuple[Import, ...]:
    """Every import of another module of the package."""
    return tuple(_imports(module))


def _imports(module: str) -> Iterator[Import]:
    tree = ast.parse((ROOT / f"{module}.py").read_text(encoding="utf-8"))
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        source = _source(module, node)
        if source is None:
            continue
        for alias in node.names:
            inner = f"{source}/{alias.name}".lstrip("/")
            known = _is_module(inner) or _is_folder(inner)
            taken = inner if known else source
            yield Import(module, taken, alias.name, node.lineno, node.level, id(node) not in top)


def _source(module: str, node: ast.ImportFrom) -> str | None:
    names = node.module.split(".") if node.module else []
    if node.level == 0:
        return "/".join(names[1:]) if names[:1] == ["thermospice"] else None
    base = module.split("/")[: -node.level]
    return "/".join([*base, *names])


@cache
def _is_module(path: str) -> bool:
    return (ROOT / f"{path}.py").is_file()


@cache
def _is_folder(path: str) -> bool:
    return path == "" or (ROOT / path / "__init__.py").is_file()


@cache
def defining_module(source: str, name: str) -> str:
    """The module in which a name is defined that a door hands on."""
    door = f"{source}/__init__"
    if not _is_folder(source) or not _is_module(door):
        return source
    for found in imports(door):
        if found.name == name and found.source != source:
            return defining_module(found.source, name)
    return door


@cache
def module_graph() -> dict[str, set[str]]:
    """Which module needs which, doors looked through."""
    graph: dict[str, set[str]] = {}
    for module in modules():
        if not module.endswith("/__init__"):
            needed = {defining_module(found.source, found.name) for found in imports(module)}
            graph[module] = needed - {module}
    return graph


def room_arrows() -> dict[str, set[str]]:
    """Which room imports which, as the code has it."""
    arrows: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module, needed in module_graph().items():
        arrows[_room(module)] |= {_room(other) for other in needed} - {_room(module)}
    return arrows


def _room(path: str) -> str:
    return path.partition("/")[0]


_WIDTH, _GAP, _LINE, _HEAD = 860, 26, 17, 50
_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1b1f24 } .room { font-weight: 600; font-size: 14px }
  .says { fill: #57606a } rect { fill: #f6f8fa; stroke: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .says { fill: #9198a1 } rect { fill: #151b23; stroke: #656c76 } }
""".rstrip()


def svg() -> str:
    """The picture: floors of rooms, each with its folders, its caption, and the rooms that it imports."""
    arrows = room_arrows()
    parts = []
    y = _GAP
    for floor in FLOORS:
        width = (_WIDTH - _GAP * (len(floor) + 1)) // len(floor)
        boxes = [_box(room, arrows[room], width) for room in floor]
        height = max(box_height for _, box_height in boxes)
        for k, (lines, _) in enumerate(boxes):
            x = _GAP + k * (width + _GAP)
            parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>')
            parts += [line.format(x=x + 12, y=y + dy) for dy, line in lines]
        y += height + _GAP
    title = "The rooms of thermospice: each is used only by those above it"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" role="img" aria-label="{title}">'
    return "\n".join([head, f"<title>{title}</title>", f"<style>{_STYLE}\n</style>", *parts, "</svg>", ""])


def _box(room: str, needed: set[str], width: int) -> tuple[list[tuple[int, str]], int]:
    names = [folder[len(room) + 1 :] for folder in folders(room)]
    rows = _wrapped(names, width)
    lines = [(20, _text("room", room)), (38, _text("says", _caption(room)))]
    lines += [(_HEAD + 8 + k * _LINE, _text("", row)) for k, row in enumerate(rows)]
    below = _HEAD + 8 + len(rows) * _LINE
    uses = ", ".join(sorted(needed, key=list(ROOMS).index)) or "nothing of this house"
    lines.append((below, _text("says", f"imports {uses}")))
    return lines, below + 14


def _wrapped(names: list[str], width: int) -> list[str]:
    rows: list[str] = []
    for name in names:
        if rows and len(rows[-1]) + len(name) + 3 <= width // 7:
            rows[-1] += f" · {name}"
        else:
            rows.append(name)
    return rows


def _text(kind: str, words: str) -> str:
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace("{", "{{").replace("}", "}}")
    return f'<text class="{kind}" x="{{x}}" y="{{y}}">{escaped}</text>'


def _caption(room: str) -> str:
    """The first line of the room's docstring."""
    tree = ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").splitlines()[0]


if __name__ == "__main__":
    (ROOT / "docs" / "house.svg").write_text(svg(), encoding="utf-8")
