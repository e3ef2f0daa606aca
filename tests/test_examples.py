"""The examples run as they stand, and their asserts hold."""

import runpy
from pathlib import Path

import matplotlib
import pytest

FOLDER = Path(__file__).parent.parent / "examples"
PROGRAMS = sorted((FOLDER / "programs").glob("*.py"))
TUTORIALS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_example(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
# A window is asked for where there is none, and the field's libraries warn of each other.
@pytest.mark.filterwarnings("default")
def test_tutorial(path, capsys, monkeypatch):
    matplotlib.use("Agg")
    monkeypatch.chdir(path.parent)
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorials_show_a_picture_and_end_in_a_check(path):
    # Catches a page that only looks as if it worked.
    text = path.read_text(encoding="utf-8")
    assert "plt.show()" in text
    assert "\n    assert " in text or "\nassert " in text


def test_the_numbers_of_the_tutorials_are_without_gaps():
    # Catches one that was taken out of the order of reading.
    assert [int(path.name[:2]) for path in TUTORIALS] == list(range(1, len(TUTORIALS) + 1))
    assert len(TUTORIALS) >= 12
