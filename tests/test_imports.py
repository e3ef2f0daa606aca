"""What an import loads: the light rooms stay light, and the command line answers at once."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "PySpice", "matplotlib", "sympy")


@functools.cache
def loaded_by(code: str) -> set[str]:
    """Modules in a fresh Python after some code, by the first part of their names; without the tests' shape checks."""
    listing = "import sys; print('\\n'.join({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", f"{code}; {listing}"], capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n"))


@pytest.mark.parametrize("room", ["circuits", "behavioral"])
def test_light_rooms_load_nothing_heavy(room: str) -> None:
    assert not loaded_by(f"import thermospice.{room}") & set(HEAVY)


@pytest.mark.parametrize("room", ["circuits", "behavioral", "netlists"])
def test_rooms_below_training_do_without_torch(room: str) -> None:
    assert "torch" not in loaded_by(f"import thermospice.{room}")


def test_command_line_help_loads_neither_numpy_nor_anything_heavier() -> None:
    # Without them it answers within the time that Python itself needs, on any machine.
    code = "from thermospice.cli import main; assert main(['--help']) == 0; assert main(['simulate', '--help']) == 0"
    assert not loaded_by(code) & {*HEAVY, "numpy", "scipy", "xarray"}


MISTAKES = (
    "simulate --design board",
    "simulate --analysis dc",
    "symbolic --topology ring",
    "calibrate --design board",
    "verify --topology ring",
    "solve --problem riddle",
    "sweep missing.yaml",
    "train",
    "train digit",
    "train digits --optimizer newton",
    "train digits --solver spu",
    "train --config missing.yaml",
)
LATE = {*HEAVY, "distributed", "jinja2", "schemdraw", "scipy.stats", "scipy.signal", "scipy.optimize"}
ANSWERS = f"""
import json, sys
from thermospice.cli import main
for words in {MISTAKES!r}:
    code = main(words.split())
    print(json.dumps([words, code, sorted({LATE!r} & sys.modules.keys())]))
"""


def test_a_mistake_is_answered_without_what_takes_long_to_load() -> None:
    """Catches a figure, a statistic or a cluster that is loaded before the options are looked at."""
    done = subprocess.run([sys.executable, "-c", ANSWERS], capture_output=True, text=True, check=True)
    # The first that loads something is the one to mend: those after it find it there.
    assert [json.loads(line) for line in done.stdout.splitlines()] == [[words, 2, []] for words in MISTAKES]


def test_an_operating_point_loads_no_statistics(tmp_path: Path) -> None:
    """Catches a module of the figures that loads, for all of them, what one needs: a third of this command's time."""
    words = ["simulate", "--size", "2", "--out", str(tmp_path / "op"), "--quiet"]
    code = f"import sys; from thermospice.cli import main; assert main({words!r}) == 0"
    listing = "print([name for name in ('scipy.stats', 'scipy.signal', 'scipy.optimize') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"{code}; {listing}"], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_symbolic_is_there_when_it_is_asked_for() -> None:
    assert "sympy" in loaded_by("from thermospice.circuits import symbolic")


ALLOWED: dict[str, set[str]] = {
    "files": set(),
    "circuits": {"files"},
    "measurements": {"files", "circuits"},
    "netlists": {"files", "circuits", "measurements"},
    "behavioral": {"files", "circuits", "measurements"},
    "training": {"files", "circuits", "measurements", "netlists", "behavioral"},
    "reports": {"files"},
    "fidelity": {"files", "circuits", "measurements", "netlists", "behavioral", "training"},
    "campaigns": {"files", "circuits", "measurements", "netlists", "behavioral", "training", "reports"},
}
ALLOWED["cli"] = set(ALLOWED)


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_point_downward(room: str) -> None:
    import ast

    root = Path(__file__).parent.parent
    for path in (root / room).rglob("*.py"):
        depth = len(path.relative_to(root).parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == depth:
                names = [node.module] if node.module else [alias.name for alias in node.names]
                for name in names:
                    assert name.partition(".")[0] in ALLOWED[room], f"{path}: imports {name}"


@pytest.mark.parametrize("room", ALLOWED)
def test_rooms_are_entered_through_their_door(room: str) -> None:
    """`from ..circuits._design import ...` would go around `circuits/__init__.py`."""
    root = Path(__file__).parent.parent
    for path in (root / room).rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] == ["from"] and words[1].startswith(".."):
                target = words[1].lstrip(".")
                first, _, rest = target.partition(".")
                assert not (first in ALLOWED and rest.startswith("_")), f"{path}: {line}"
