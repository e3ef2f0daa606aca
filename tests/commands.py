"""The command line as a user calls it, in this process: exit code, standard output, standard error."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from thermospice.cli import main


class Outcome(NamedTuple):
    code: int
    out: str
    err: str

    def refused(self, *words: str) -> None:
        """One clear line on standard error, nothing else, exit code 2."""
        lines = self.err.splitlines()
        assert self.code == 2, (self.code, self.out, self.err)
        assert self.out == ""
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        assert "a bug" not in self.err
        for word in words:
            assert word in self.err, self.err


Run = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = main([str(a) for a in arguments])
        return Outcome(code, *capfd.readouterr())

    return call


@pytest.fixture
def dying_ngspice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ngspice that says its version and is killed as soon as it works."""
    script = tmp_path / "ngspice"
    script.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "** ngspice-39 : test" && exit 0\nkill -9 $$\n')
    script.chmod(0o755)
    monkeypatch.setenv("THERMOSPICE_NGSPICE", str(script))
    return script


@pytest.fixture
def no_ngspice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.delenv("THERMOSPICE_NGSPICE", raising=False)
