"""The house keeps its plan: rooms, doors, no circles, folders of a size that one can take in."""

import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
MOST_MODULES = 12
"""Of a folder; more are a second thing that has no name yet."""


def _house() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house", ROOT / "tools" / "house.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["house"] = module
    spec.loader.exec_module(module)
    return module


house = _house()

# Modules that are taken by their own names, since what they load is heavy for those who need the rest of the door.
OPEN = {"files/arrays", "files/netcdf", "files/tables"}
# Modules at a room's root that its folders may use.
SHARED = ("_exceptions", "_types")


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _circles(graph: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """Sets of nodes that reach each other."""
    import networkx

    edges = networkx.DiGraph([(a, b) for a, needed in graph.items() for b in needed])
    return [found for found in networkx.strongly_connected_components(edges) if len(found) > 1]


@pytest.mark.parametrize("room", house.ROOMS)
def test_a_room_imports_only_rooms_below_it(room):
    assert house.room_arrows()[room] <= set(house.ROOMS[room])


def test_doors_are_used():
    # Catches an import of a private module of another folder, which ties two folders to how one of them is cut.
    past = []
    for module in house.modules():
        for found in house.imports(module):
            name = found.source.rpartition("/")[2]
            own = _folder(found.source) == _folder(module)
            shared = name in SHARED and found.source == f"{module.partition('/')[0]}/{name}"
            # A door hands on what lies in its own folder and in the folders inside.
            if name.startswith("_") and not own and not shared:
                past.append(f"{module}:{found.line}: {found.source}")
    assert past == []


def test_modules_are_private():
    public = [
        module
        for module in house.modules()
        if not module.rpartition("/")[2].startswith("_") and not module.startswith("cli/commands/")
    ]
    assert set(public) == OPEN


def test_no_modules_need_each_other():
    assert _circles(house.module_graph()) == []


def test_no_folders_need_each_other():
    graph: dict[str, set[str]] = {}
    for module, needed in house.module_graph().items():
        graph.setdefault(_folder(module), set()).update(_folder(other) for other in needed)
    # A room's root holds what ties its folders together, and its exceptions, which they use.
    inside = {a: {b for b in needed if b != a and "/" in b} for a, needed in graph.items() if "/" in a}
    assert _circles(inside) == []


def test_folders_can_be_taken_in():
    counts: dict[str, int] = {}
    for module in house.modules():
        if not module.endswith("/__init__"):
            counts[_folder(module)] = counts.get(_folder(module), 0) + 1
    assert {folder: n for folder, n in counts.items() if n > MOST_MODULES} == {}


def test_doors_hand_on_and_do_nothing_else():
    # Catches work in a door, which everybody would pay who takes one name from the folder.
    import ast

    for module in house.modules():
        if module.endswith("/__init__"):
            tree = ast.parse((ROOT / f"{module}.py").read_text(encoding="utf-8"))
            kinds = {type(node).__name__ for node in tree.body}
            assert kinds <= {"Expr", "ImportFrom", "Import", "Assign", "AnnAssign", "If", "FunctionDef"}, module


def test_tests_mirror_the_folders():
    # Catches tests of a folder that was renamed, and the second home of one's own beside it.
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    named = {folder.as_posix() for folder in folders} - {".", "fuzz"}
    homes = {_folder(module) for module in house.modules()} | set(house.ROOMS)
    assert not named - homes


MOST_PAST_THE_DOOR = 55
"""Private modules that tests take: to replace a part by one that fails, or as the referee of a closed form."""


def test_tests_use_the_doors():
    # Catches tests that tie themselves to how a folder is cut today: a number that may only fall.
    texts = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    by_name = r"(?:from|import) thermospice\.([a-z_.]*?)(?:\.| import )(_[a-z_]+)"
    past = {f"{folder}.{name}" for text in texts for folder, name in re.findall(by_name, text)}
    assert len(past) <= MOST_PAST_THE_DOOR, sorted(past)


def test_the_picture_of_the_house_is_true():
    drawn = (ROOT / "docs" / "house.svg").read_text(encoding="utf-8")
    assert drawn == house.svg(), "the house has changed: python tools/house.py draws it again"
