"""Results lie in folders that others have filled: nothing in the current folder is code, nor settings, to a command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from thermospice.circuits import Crossbar, Design, Program
from thermospice.files.opening import child_environment, current_folder_left_out, trust_no_current_folder
from thermospice.measurements import load_measurement, save_measurement
from thermospice.netlists import simulate

COMMAND = Path(sys.executable).with_name("thermospice")

MODULES = (
    "json", "numpy", "struct", "random", "psutil", "pickle", "site", "sitecustomize", "usercustomize", "h5netcdf",
    "torch", "thermospice", "conftest", "distributed", "matplotlib", "encodings",
)  # fmt: skip

STUDY = {
    "name": "one",
    "circuit": {"design": "ideal", "level": "ideal", "size": 1, "analyses": ["op"]},
    "failures": {"stop_after": 1},
}


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder with a file for each module that a child might want; each leaves its name in `ran`."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in MODULES:
        code = f"import os\nopen({str(tmp_path / 'ran')!r}, 'a').write({name!r} + '\\n')\n"
        (folder / f"{name}.py").write_text(code)
    (folder / "matplotlibrc").write_text("backend: module://json\nfigure.dpi: nonsense\n")
    (folder / ".spiceinit").write_text(f"shell touch {tmp_path / 'ran'}\n")
    (folder / "pydistutils.cfg").write_text("[install]\n")
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    return folder


def ran(folder: Path) -> str:
    path = folder.parent / "ran"
    return path.read_text() if path.exists() else ""


def run_in(folder: Path, *command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONSAFEPATH", "PYTHONPATH")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**clean, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_python_itself_would_run_them(hostile):
    # A check of the test: these files are found where nobody forbids it.
    run_in(hostile, sys.executable, "-c", "import json")
    assert "json" in ran(hostile)


COMMANDS = {
    "sweep": ("sweep", "study.yaml", "--workers", 1, "--out", "out", "--quiet"),
    "train": ("train", "regression", "--optimizer", "sgd", "--steps", 1, "--seeds", 2, "--workers", 2, "--out", "out",
              "--quiet"),
}  # fmt: skip
"""Those that start Python processes: by `-m`, and by `multiprocessing`."""


@pytest.mark.parametrize("name", COMMANDS)
def test_no_file_of_the_current_folder_is_imported(hostile, name):
    # Catches a child that is started by -m or -c, which looks there first.
    done = run_in(hostile, COMMAND, *COMMANDS[name])
    assert (done.returncode, done.stderr) == (0, "")
    assert ran(hostile) == ""


@pytest.mark.parametrize("parts", [":/somewhere", "/somewhere:", ".:/somewhere", "/somewhere:../here"])
def test_a_search_path_has_absolute_folders_only(parts, tmp_path, monkeypatch):
    # `export PYTHONPATH=$PYTHONPATH:/somewhere` begins with a colon, which means the current folder, too; Python has
    # made it absolute by the time that a command begins.
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PYTHONPATH", parts)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.setattr(sys, "path", ["", ".", str(tmp_path / "here"), "/somewhere", "/usr/lib/python"])
    trust_no_current_folder()
    assert sys.path == ["/somewhere", "/usr/lib/python"]
    assert os.environ["PYTHONSAFEPATH"] == "1"
    assert set(os.environ["PYTHONPATH"].split(":")) <= {"/somewhere", ""}
    assert child_environment()["PYTHONPATH"] in ("", "/somewhere")


def test_a_folder_that_is_asked_for_by_its_whole_name_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    trust_no_current_folder()
    assert sys.path == [str(tmp_path)]


def test_what_is_set_for_other_processes_is_taken_back(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ":/somewhere")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    with current_folder_left_out():
        assert (os.environ["PYTHONSAFEPATH"], os.environ["PYTHONPATH"]) == ("1", "/somewhere")
    assert "PYTHONSAFEPATH" not in os.environ
    assert os.environ["PYTHONPATH"] == ":/somewhere"


def test_the_reader_of_measurements_imports_nothing_from_there(hostile, tmp_path, monkeypatch):
    chip = Design.preset("ideal").nominal(Crossbar(1))
    save_measurement(simulate(chip, Program([[1.0]], [0.5]), "op", "ideal"), tmp_path / "m.nc")
    monkeypatch.chdir(hostile)
    monkeypatch.setenv("PYTHONPATH", ":.")
    assert float(load_measurement(tmp_path / "m.nc")["v"][0]) == pytest.approx(0.5, rel=1e-6)
    assert ran(hostile) == ""


DRAW = (
    "import hashlib, sys\n"
    "sys.path[:] = [p for p in sys.path if p]\n"
    "from thermospice.reports import figures, png\n"
    "print(hashlib.sha256(png(lambda: figures.schematic('rc-mesh', 2))).hexdigest())\n"
)


def test_settings_do_not_change_a_figure(tmp_path):
    # Catches a figure that depends on where, and by whom, the command was started.
    styled = tmp_path / "styled"
    styled.mkdir()
    (styled / "matplotlibrc").write_text("font.size: 30\nlines.linewidth: 9\naxes.facecolor: red\n")
    looks = {
        run_in(folder, sys.executable, "-P", "-c", DRAW, **environment).stdout
        for folder, environment in (
            (tmp_path, {}),
            (styled, {}),
            (tmp_path, {"MATPLOTLIBRC": str(styled / "matplotlibrc")}),
        )
    }
    assert len(looks) == 1
    assert len(looks.pop().strip()) == 64


def test_settings_that_are_a_pipe_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "matplotlibrc")
    assert run_in(tmp_path, sys.executable, "-P", "-c", "import thermospice.reports").returncode == 0


def test_the_help_of_the_scheduler_says_what_it_is_trusted_with(run):
    told = " ".join(run("sweep", "--help").out.replace("│", " ").split())
    assert "whoever can reach it can run code" in told
