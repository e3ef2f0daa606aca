"""tools/check-gpu on the CPU: the script works, and it sees what it is there to see."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "tools" / "check_gpu.py"


@pytest.fixture
def check():
    spec = importlib.util.spec_from_file_location("check_gpu", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_gpu"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["check_gpu"]


def check_ends_well(check, capsys):
    assert check.main(["--short", "--processor", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:22].rstrip() for line in lines[1:-1]] == [*check.CASES, "two processes"]
    assert lines[-1] == "all as on the CPU"


def test_every_solver_of_it_passes_on_the_cpu(check, monkeypatch, capsys):
    # Catches a script that does not start any more, and a solver that it cannot start.
    steps = check.steps
    monkeypatch.setattr(check, "steps", lambda case, processor, count: steps(case, processor, 1))
    monkeypatch.setattr(check, "in_two", check.parallel_steps)
    check_ends_well(check, capsys)


@pytest.mark.slow
def test_its_two_processes_pass_on_the_cpu(check, monkeypatch, capsys):
    monkeypatch.setattr(check, "CASES", {name: check.CASES[name] for name in ("adam", "woodbury, layers")})
    check_ends_well(check, capsys)


def test_another_number_is_told(check, monkeypatch, capsys):
    # Catches a check that passes whatever the GPU says.
    asked = iter(range(100))
    monkeypatch.setattr(check, "steps", lambda *_: check.Run((1.0 + 1e-6 * next(asked),), 0.1))
    monkeypatch.setattr(check, "in_two", check.parallel_steps)
    assert check.main(["--short", "--processor", "cpu"]) == 1
    assert "DIFFERENT" in capsys.readouterr().out


def test_what_does_not_run_is_told_and_the_rest_goes_on(check, monkeypatch, capsys):
    # Catches a traceback in the middle, after which nobody knows about the other solvers.
    def steps(case, processor, count):
        if case.get("solver") == "ideal-spu":
            raise RuntimeError("out of memory\non that processor")
        return check.Run((1.0,), 0.1)

    monkeypatch.setattr(check, "steps", steps)
    monkeypatch.setattr(check, "in_two", check.parallel_steps)
    assert check.main(["--short", "--processor", "cpu"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "FAILED" in line] == [f"{'ideal-spu':22s} FAILED: RuntimeError: out of memory"]
    assert sum(line.endswith(" ok") for line in lines) == len(check.CASES)


def test_a_processor_that_is_not_there_is_one_line(check, capsys):
    assert check.main(["--short", "--processor", "cuda:99"]) == 2
    assert capsys.readouterr().err.startswith("check-gpu: processor: 'cuda:99' cannot be used here")
