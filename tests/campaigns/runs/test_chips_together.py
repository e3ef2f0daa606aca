"""Operating points of a batch: not a digit differs from the run alone, whatever the batch is made of."""

import subprocess
import sys

import pytest
from thermospice.campaigns import parse_study
from thermospice.campaigns.planning import plan
from thermospice.campaigns.runs._chips_together import perform_together
from thermospice.circuits import Design
from thermospice.netlists import SimulationFailed

BOARD = Design.preset("board-1k-1n").to_dict()


def tasks(count=6, parameters=None, **circuit):
    content = {"name": "s", "instances": count, "circuit": {"design": BOARD, "size": 3, **circuit}}
    study = parse_study(content | ({"parameters": parameters} if parameters else {}), "s")
    return [run.task for run in plan(study, "s").runs]


BATCHES = {
    "chips of one design": tasks(),
    "two points": tasks(parameters={"circuit.design.mismatch.resistor_sigma": [0.001, 0.02]}),
    "a drive that is given": tasks(drive_scale=0.3),
    "without amplifiers' limits": tasks(level="ideal"),
    "a mesh": tasks(topology="rc-mesh", level="ideal"),
    "a program for each": tasks(program={"per_chip": True}),
    "too few to stack": tasks(2),
    "another kind of cell": tasks(topology="cascade"),
}


@pytest.mark.parametrize("batch", BATCHES)
def test_the_numbers_are_those_of_each_by_itself(batch):
    """Catches chips that are mixed up, and metrics that a stack works out in another way."""
    for task, found in zip(BATCHES[batch], perform_together(BATCHES[batch], 60.0), strict=True):
        assert [found] == perform_together([task], 60.0)


def test_all_or_nothing(monkeypatch):
    """Catches a chip with a wrong answer that hides among others: whoever asked then tries each by itself."""
    there = sys.modules[perform_together.__module__]
    settle = there.settle_alike
    monkeypatch.setattr(there, "settle_alike", lambda *given: [1.01 * v for v in settle(*given)])
    with pytest.raises(SimulationFailed, match="away from its linear prediction"):
        perform_together(BATCHES["chips of one design"], 60.0)


FORK = """
import os, signal, sys, threading
import numpy as np
from thermospice.campaigns import runs as children
held = open("held", "w")
assert children.may_fork()
first, second = (children.Child("c", forked=True) for _ in range(2))
task = {"kind": "circuit"}
answer = second.run([{"task": task, "timeout": 60, "memory": None, "folder": None}])
assert "failed" in answer, answer
number = second._process.pid
assert os.readlink(f"/proc/{number}/fd/2") == "/dev/null"
assert not any("held" in os.readlink(f"/proc/{number}/fd/{fd}") for fd in os.listdir(f"/proc/{number}/fd"))
first._process.stdin.close()
assert first._process.wait(10) == 0  # though the second lives, and began with a copy of all that was open
os.kill(number, 9)
try:
    second.run([{"task": task, "timeout": 60, "memory": None, "folder": None}])
except children.Ended as ended:
    assert "SIGKILL" in str(ended), ended
second.kill()
large = bytearray(b"1" * 500_000_000)
third = children.Child("c", forked=True)
try:
    third.run([{"task": task, "timeout": 60, "memory": 250e6, "folder": None}])
    assert third._held() < 250e6, third._held()
finally:
    third.kill()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
np.seterr(all="raise")
fourth = children.Child("c", forked=True)
fourth.kill()  # though nobody waits for it
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
threading.Thread(target=threading.Event().wait, daemon=True).start()
assert not children.may_fork()
print("all of it")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_a_forked_process_answers_keeps_nothing_open_and_goes_with_its_parent(tmp_path):
    """Catches a fork that holds a sibling's pipe or a file of the campaign, one with threads about,
    and one that is stopped for the memory of whoever started it.
    """
    environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", FORK], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.stdout == "all of it\n", done.stderr
