"""Several operating points in one ngspice process: the same numbers, and a failure stays with whoever it belongs to."""

import re
import stat
import sys

import numpy as np
import pytest
import xarray as xr
from thermospice.circuits import Crossbar, Design, Program, RCMesh, choose_scaling, random_program
from thermospice.netlists import Job, NetlistError, SimulationFailed, deck, find_ngspice, simulate, simulate_many
from thermospice.netlists.runs import settle_together
from thermospice.netlists.simulators import Ngspice

BOARD, THREE = Design.preset("board-1k-1n"), Crossbar(3)


def job(seed, topology=THREE, level="macro", **options):
    """A chip of its own size, temperature and program."""
    preset = Design.preset("cmos-100k-10p") if level == "transistor" else BOARD
    design = preset.model_copy(update={"temperature": 280.0 + 7 * seed})
    instance = design.sample(topology, np.random.default_rng(seed), seed)
    program = random_program(topology, np.random.default_rng(seed + 100))
    return Job(instance, program, "op", level, scaling=choose_scaling(instance, program, level), **options)


JOBS = [
    *(job(seed) for seed in range(4)),
    job(4, RCMesh(2)),
    job(5, Crossbar(2), "ideal"),
    job(6, Crossbar(1), "transistor"),
    job(7),
]
CHANGES = ("elapsed_s",)
"""What is not the same in two runs of anything."""


def same(first, second):
    for name in CHANGES:
        assert first.attrs.pop(name) > 0
        second.attrs.pop(name)
    xr.testing.assert_identical(first, second)


def alone(one):
    return simulate(one.instance, one.program, "op", one.level, scaling=one.scaling)


@pytest.mark.parametrize("per_process", [1, 3, 16])
def test_not_a_digit_differs_from_a_run_alone(per_process):
    """Also with other temperatures, sizes and levels in the same process."""
    for one, found in zip(JOBS, simulate_many(JOBS, workers=1, per_process=per_process), strict=True):
        same(found, alone(one))


def test_together_or_not_at_all():
    for one, found in zip(JOBS, settle_together(iter(JOBS)), strict=True):
        np.testing.assert_array_equal(found, alone(one).v)
    assert settle_together([]) == []


def test_only_operating_points_share_a_process():
    chip = JOBS[0]
    with pytest.raises(NetlistError, match="expected operating points"):
        settle_together([chip, Job(chip.instance, chip.program, "ac", scaling=chip.scaling)])
    with pytest.raises(NetlistError, match="per_process: expected at least 1, got 0"):
        simulate_many(JOBS, per_process=0)


# The chip of one seed misbehaves, wherever its deck is among those of a process.
FAULTS = """#!{python} -SE
import glob, os, sys, time
open({count!r}, "a").write("x")
if any({mark!r} in open(path).read() for path in glob.glob("*.cir")):
    {fault}
os.execv({ngspice!r}, ["ngspice", *sys.argv[1:]])
"""


@pytest.fixture
def faulty(tmp_path):
    """An ngspice with a fault at the deck of `JOBS[2]`, and a file with a byte for each of its processes."""

    def make(fault):
        resistor = re.search(r"^Rr\S+ .*$", deck(JOBS[2]), re.MULTILINE)
        assert resistor is not None
        path, count = tmp_path / "ngspice", tmp_path / "count"
        ngspice = find_ngspice()
        text = FAULTS.format(
            python=sys.executable, mark=resistor[0], fault=fault, count=str(count), ngspice=ngspice.path
        )
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return Ngspice(str(path), ngspice.version, ngspice.klu), count

    return make


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("sys.exit(0)", "gave 0 of 1 plots"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
        ("os.kill(os.getpid(), 11)", "crashed"),
        ("time.sleep(60)", "time limit of 1 s"),
        ("held = bytearray(1 << 40)", "gave 0 of 1 plots"),
        ("print('Error: no such thing', flush=True)", "ngspice failed: Error: no such thing"),
    ],
)
def test_a_fault_stays_with_its_job(faulty, fault, reason):
    simulator, count = faulty(fault)
    jobs = [job(seed, timeout=1.0) for seed in range(5)]
    results = simulate_many(jobs, workers=1, ngspice=simulator)
    assert isinstance(results[2], SimulationFailed)
    assert reason in str(results[2])
    for k in (0, 1, 3, 4):
        np.testing.assert_array_equal(results[k].v, alone(jobs[k]).v)
    assert len(count.read_text()) == 6  # once together, then each alone
    with pytest.raises(SimulationFailed):
        settle_together(jobs, simulator)


def test_a_warning_is_found_where_it_belongs(faulty):
    simulator, _ = faulty("print('Warning: something odd', flush=True)")
    results = simulate_many(JOBS[:4], workers=1, ngspice=simulator)
    assert [result.warnings for result in results] == ["[]", "[]", '["Warning: something odd"]', "[]"]


def test_a_process_for_five_and_one_for_each_worker(faulty):
    simulator, count = faulty("pass")
    simulate_many([job(seed) for seed in range(5)], workers=1, ngspice=simulator)
    assert len(count.read_text()) == 1
    simulate_many([job(seed) for seed in range(5)], workers=2, ngspice=simulator)
    assert len(count.read_text()) == 3


def test_a_job_that_cannot_be_planned_does_not_hold_the_others_back():
    slow = BOARD.model_copy(update={"amplifier": BOARD.amplifier.model_copy(update={"gain_bandwidth": 1e5})})
    unstable = Job(slow.nominal(Crossbar(2)), Program(np.array([[1.0, -30.0], [30.0, 1.0]]), np.ones(2)), "op")
    ended = []
    results = simulate_many([JOBS[0], unstable, JOBS[1]], workers=1, done=ended.append)
    assert [type(result) for result in results] == [xr.Dataset, SimulationFailed, xr.Dataset]
    assert ended == [0, 1, 2]
