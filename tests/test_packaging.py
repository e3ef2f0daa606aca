"""The package holds every file, and the checks that the tests rely on do bite in it."""

import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError

ROOT = Path(__file__).parent.parent
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = (
    "files",
    "circuits",
    "measurements",
    "netlists",
    "behavioral",
    "training",
    "reports",
    "fidelity",
    "campaigns",
    "cli",
)


def test_every_folder_with_code_is_a_package() -> None:
    folders = {path.parent.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    expected = {"thermospice." + ".".join(folder.parts) for folder in folders}
    assert set(CONFIG["tool"]["setuptools"]["packages"]) == expected


@pytest.mark.parametrize("room", ROOMS)
def test_files_of_the_working_tree_are_installed(room: str) -> None:
    """Data files too; the link tree of a strict development install is as old as the last `make setup`."""
    installed = Path(str(files(f"thermospice.{room}")))
    for path in (ROOT / room).rglob("*"):
        if path.is_file() and path.suffix in (".py", ".typed", ".yaml", ".j2", ".css"):
            assert (installed / path.relative_to(ROOT / room)).exists(), f"{path}: run `make setup` again"
    assert (installed / "py.typed").exists()


def test_shape_checks_bite() -> None:
    """Import hooks see nothing in some kinds of development install; then all other tests would check less."""
    from thermospice.behavioral import OrnsteinUhlenbeck

    # The right number of values in the wrong shape: only the annotation says so.
    with pytest.raises(TypeCheckError, match="mean"):
        OrnsteinUhlenbeck(drift=np.eye(2), mean=np.zeros((2, 1)), diffusion=np.eye(2))


def test_commands_are_declared() -> None:
    from thermospice.cli import main

    assert CONFIG["project"]["scripts"] == {"thermospice": "thermospice.cli:main"}
    assert main(["--version"]) == 0


def test_torch_is_pinned_once() -> None:
    pins = [line for line in CONFIG["project"]["dependencies"] if line.startswith("torch==")]
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in constraints if line.startswith("torch==")] == pins
