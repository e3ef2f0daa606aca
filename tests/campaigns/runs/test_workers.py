"""What goes wrong in a campaign stays in its row; a campaign that is killed goes on as if it had not been."""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
import yaml
from thermospice.netlists import find_ngspice

from ..stores import kept

COMMAND = "import sys; from thermospice.cli import main; sys.exit(main())"

# What the simulator does is chosen by a chip's seed, which its deck shows as its first resistor; several chips may
# share a process.
FAULTS = """#!{python} -SE
import glob, os, re, sys, time
if "--version" in sys.argv:
    print("** ngspice-39 : test")
    sys.exit()
found = [re.search(r"^R\\S+ \\S+ \\S+ (\\S+)", open(path).read(), re.M) for path in sorted(glob.glob("*.cir"))]
chips = [match[1] for match in found if match]
what = next((fault for chip, fault in {faults}.items() if chip in chips), None)
time.sleep({delay} * len(chips))
if what == "hangs":
    time.sleep(1000)
elif what == "eats memory":
    held = []
    while True:
        held.append(bytearray(os.urandom(1)) * 20_000_000)
        time.sleep(0.01)
elif what == "kills its worker":
    os.kill(os.getppid(), 9)
elif what == "gives nothing":
    sys.exit(0)
os.execv({ngspice!r}, ["ngspice", *sys.argv[1:]])
"""


def study(path, **changes):
    circuit = {"design": "board-1k-1n", "size": 2}
    content = {"name": "faults", "circuit": circuit, "timeout": 3, "memory": "400M", **changes}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def rows(folder):
    with (folder / "table.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def simulator(tmp_path, monkeypatch):
    """An ngspice that misbehaves for the chips of some seeds, and takes its time for all."""

    def make(faults=None, delay=0.0):
        script = tmp_path / "ngspice"
        chosen = {first_resistor(seed): what for seed, what in (faults or {}).items()}
        text = FAULTS.format(python=sys.executable, faults=chosen, ngspice=find_ngspice("ngspice").path, delay=delay)
        script.write_text(text)
        script.chmod(0o755)
        monkeypatch.setenv("THERMOSPICE_NGSPICE", str(script))

    return make


def first_resistor(seed):
    from thermospice.circuits import choose_scaling
    from thermospice.circuits.trials import get_design, get_instance
    from thermospice.cli.inputs import ProgramOptions
    from thermospice.netlists import Job, deck

    chip, program = ProgramOptions(2, None, None, 0).load("crossbar")
    instance = get_instance(get_design("board-1k-1n"), chip, seed)
    text = deck(Job(instance, program, "op", "macro", scaling=choose_scaling(instance, program)), find_ngspice())
    found = re.search(r"^R\S+ \S+ \S+ (\S+)", text, re.M)
    assert found is not None
    return found[1]


FAULTY = {1: "hangs", 2: "eats memory", 3: "kills its worker", 4: "gives nothing"}
REASONS = {
    "1": "stopped at the time limit of 3 s",
    "2": "stopped because it held more than the memory limit of 400 MB",
    "3": "killed by SIGKILL",
    "4": "ngspice gave 0 of 1 plots",
}


def check_faults(outcome, folder):
    assert outcome.code == 1
    found = rows(folder)
    for row in found:
        if row["instance"] in REASONS:
            assert row["status"] == "failed"
            assert REASONS[row["instance"]] in row["reason"]
            assert row["relative_error"] == ""
        else:
            assert row["status"] == "done"
            assert float(row["relative_error"]) < 1
    summary = json.loads(outcome.out)
    assert (summary["done"], summary["failed"], summary["missing"]) == (len(found) - 4, 4, 0)
    limit = summary["limits"][0]
    assert (limit["passed"], limit["of"]) == (len(found) - 4, len(found))


def test_a_run_that_goes_wrong_fails_with_its_reason_and_the_others_go_on(run, tmp_path, simulator):
    simulator(FAULTY)
    study(tmp_path / "s.yaml", instances=24, limits=[{"metric": "relative_error", "at_most": 1}])
    check_faults(run("sweep", "s.yaml", "--out", "out", "--workers", 2, "--json", "--quiet"), tmp_path / "out")
    assert not [p for p in psutil.Process().children(recursive=True) if "ngspice" in p.name()]

    # Failed runs are results: only asked for are they tried again, and what is repaired then succeeds.
    simulator()
    assert json.loads(run("sweep", "--resume", "out", "--json", "--quiet").out)["failed"] == 4
    outcome = run("sweep", "--resume", "out", "--retry-failed", "--workers", 2, "--json", "--quiet")
    assert outcome.code == 0
    assert json.loads(outcome.out)["reused"] == 20


def test_a_campaign_stops_when_the_study_says_so(run, tmp_path, simulator):
    simulator(dict.fromkeys(range(20), "gives nothing"))
    study(tmp_path / "s.yaml", instances=20, failures={"stop_after": 3})
    outcome = run("sweep", "s.yaml", "--out", "out", "--workers", 1, "--json", "--quiet")
    assert outcome.code == 1
    summary = json.loads(outcome.out)
    assert (summary["outcome"], summary["failed"], summary["missing"]) == ("stopped", 3, 17)
    assert [row["status"] for row in rows(tmp_path / "out")] == ["failed"] * 3 + ["missing"] * 17


def start(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "sweep", *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_runs(folder, count, process, within=120, every=0.02):
    deadline = time.monotonic() + within
    while len(kept(folder)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(every)


def processes_of(tmp_path):
    """Everything that works for a campaign of this test."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("THERMOSPICE_NGSPICE", "").startswith(str(tmp_path)):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


def test_killed_and_resumed_is_the_same_as_never_interrupted(run, tmp_path, simulator):
    simulator(delay=0.1)
    study(tmp_path / "s.yaml", instances=40, timeout=60)
    process = start(tmp_path, "s.yaml", "--out", "killed", "--workers", 2)
    wait_for_runs(tmp_path / "killed", 3, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    finished = len(kept(tmp_path / "killed"))
    assert finished < 40
    deadline = time.monotonic() + 20
    while processes_of(tmp_path):
        assert time.monotonic() < deadline, processes_of(tmp_path)
        time.sleep(0.1)
    outcome = run("sweep", "--resume", "killed", "--workers", 2, "--json", "--quiet")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["reused"] == finished
    simulator()
    assert run("sweep", "s.yaml", "--out", "whole", "--workers", 2, "--quiet").code == 0
    for name in ("table.csv", "study.yaml", "state.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert outcome_numbers(tmp_path / "killed") == outcome_numbers(tmp_path / "whole")


def outcome_numbers(folder):
    summary = json.loads((folder / "summary.json").read_text())
    how = ("elapsed_s", "work_s", "reused", "arguments")
    return {key: value for key, value in summary.items() if key not in how}


@pytest.mark.slow
def test_control_c_leaves_a_readable_state_and_the_way_on(run, tmp_path, simulator):
    simulator(delay=0.1)
    study(tmp_path / "s.yaml", instances=40, timeout=60)
    process = start(tmp_path, "s.yaml", "--out", "out", "--workers", 2)
    wait_for_runs(tmp_path / "out", 2, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: every process of the group
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "thermospice sweep --resume out" in err
    status = [row["status"] for row in rows(tmp_path / "out")]
    assert 2 <= status.count("done") < 40
    assert set(status) == {"done", "missing"}
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["outcome"] == "interrupted"
    outcome = run("sweep", "--resume", "out", "--json", "--quiet")
    assert outcome.code == 0
    assert json.loads(outcome.out)["done"] == 40


@pytest.mark.slow
def test_one_campaign_at_a_time_in_a_folder(run, tmp_path, simulator):
    simulator(delay=0.5)
    study(tmp_path / "s.yaml", instances=50, timeout=60)
    process = start(tmp_path, "s.yaml", "--out", "out", "--workers", 1)
    try:
        wait_for_runs(tmp_path / "out", 1, process)
        run("sweep", "--resume", "out").refused("another sweep")
    finally:
        process.kill()
        process.communicate()


# With a Dask cluster: seconds to start, so few and slow.


@pytest.mark.slow
def test_faults_on_a_dask_cluster(run, tmp_path, simulator):
    pytest.importorskip("distributed")
    simulator(FAULTY)
    study(tmp_path / "s.yaml", instances=8, limits=[{"metric": "relative_error", "at_most": 1}])
    process = start(tmp_path, "s.yaml", "--out", "out", "--workers", 2, "--json", "--quiet")
    out, err = process.communicate(timeout=200)

    class Outcome:
        code = process.returncode

    Outcome.out = out
    assert err == ""
    check_faults(Outcome, tmp_path / "out")


class Cluster:
    """A scheduler and three workers as processes of their own."""

    WORKERS = 3

    def __init__(self, folder):
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.processes = []
        self.start()

    def start(self):
        where = ["--port", str(self.port), "--host", "127.0.0.1", "--no-dashboard"]
        self.scheduler = self._process("dask_scheduler", *where)
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard"]
        self.workers = [self._process("dask_worker", self.address, *options) for _ in range(self.WORKERS)]

    def kill(self):
        for process in self.processes[::-1]:
            process.kill()
            process.wait()

    def _process(self, module, *words):
        options = {"cwd": self.folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen([sys.executable, "-m", f"distributed.cli.{module}", *words], **options)
        self.processes.append(process)
        return process


@pytest.fixture
def cluster(tmp_path, simulator):
    pytest.importorskip("distributed")
    simulator(delay=0.1)
    found = Cluster(tmp_path)
    yield found
    found.kill()


def check_same_table(process, run, tmp_path, timeout=240):
    """The campaign ends well, with the table of one on this machine."""
    _, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err
    assert run("sweep", "s.yaml", "--out", "here", "--quiet").code == 0
    assert (tmp_path / "out" / "table.csv").read_bytes() == (tmp_path / "here" / "table.csv").read_bytes()


@pytest.mark.slow
def test_a_cluster_gives_the_same_table_when_a_worker_dies_and_another_is_slow(run, tmp_path, cluster):
    study(tmp_path / "s.yaml", instances=30, timeout=60)
    process = start(tmp_path, "s.yaml", "--out", "out", "--scheduler", cluster.address, "--quiet")
    wait_for_runs(tmp_path / "out", 4, process)
    cluster.workers[0].kill()
    cluster.workers[1].send_signal(signal.SIGSTOP)
    time.sleep(3.0)
    cluster.workers[1].send_signal(signal.SIGCONT)
    check_same_table(process, run, tmp_path)


@pytest.mark.slow
def test_a_scheduler_that_is_started_again_changes_no_number(run, tmp_path, cluster):
    # Catches a campaign that waits for ever for batches that the new scheduler has never heard of.
    study(tmp_path / "s.yaml", instances=30, timeout=60)
    process = start(tmp_path, "s.yaml", "--out", "out", "--scheduler", cluster.address, "--quiet")
    wait_for_runs(tmp_path / "out", 4, process)
    cluster.kill()
    cluster.start()
    check_same_table(process, run, tmp_path)


def test_outcomes_that_a_scheduler_takes_with_it_are_asked_for_again(run, tmp_path, monkeypatch):
    # Catches a campaign that ends in an unexpected error when the connection goes just as a batch is done.
    distributed = pytest.importorskip("distributed")
    gathered, lost = distributed.Future.result, []

    def result(self, *words, **options):
        if str(self.key).startswith("faults-") and not lost:
            lost.append(self.key)
            raise distributed.client.FutureCancelledError(self.key, "scheduler-connection-lost")
        return gathered(self, *words, **options)

    monkeypatch.setattr(distributed.Future, "result", result)
    study(tmp_path / "s.yaml", instances=3, timeout=60)
    with distributed.LocalCluster(1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        words = ("--scheduler", cluster.scheduler_address, "--quiet")
        assert run("sweep", tmp_path / "s.yaml", "--out", tmp_path / "out", *words).code == 0
    assert lost
    assert [row["status"] for row in rows(tmp_path / "out")] == ["done"] * 3


@pytest.mark.slow
def test_ten_thousand_chips_survive_a_dead_worker_a_slow_one_and_a_new_scheduler(run, tmp_path):
    # Catches what only many runs show: batches handed out twice, or never, and a table that grows with each of them.
    pytest.importorskip("distributed")
    circuit = {"design": "board-1k-1n", "topology": "rc-mesh", "size": 1, "level": "ideal"}
    study(tmp_path / "s.yaml", instances=10_000, circuit=circuit, timeout=60)
    cluster = Cluster(tmp_path)
    try:
        process = start(tmp_path, "s.yaml", "--out", "out", "--scheduler", cluster.address, "--quiet")
        wait_for_runs(tmp_path / "out", 300, process, within=600, every=0.5)
        cluster.workers[0].kill()
        cluster.workers[1].send_signal(signal.SIGSTOP)
        time.sleep(3.0)
        cluster.workers[1].send_signal(signal.SIGCONT)
        wait_for_runs(tmp_path / "out", 3000, process, within=1800, every=0.5)
        cluster.kill()
        cluster.start()
        check_same_table(process, run, tmp_path, timeout=3600)
    finally:
        cluster.kill()
    assert len(rows(tmp_path / "out")) == 10_000


@pytest.mark.slow
def test_a_scheduler_that_falls_silent_ends_in_one_line(tmp_path, cluster):
    # Catches a campaign that hangs on a scheduler which is there and stuck.
    study(tmp_path / "s.yaml", instances=30, timeout=60)
    options = ("--scheduler", cluster.address, "--scheduler-timeout", "10s", "--quiet")
    process = start(tmp_path, "s.yaml", "--out", "out", *options)
    wait_for_runs(tmp_path / "out", 4, process)
    cluster.scheduler.send_signal(signal.SIGSTOP)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert len(err.splitlines()) == 1
    assert "it has not answered for 10 s; what is done stays" in err


@pytest.mark.slow
def test_a_server_that_accepts_and_says_nothing_is_one_clear_line(tmp_path):
    pytest.importorskip("distributed")
    study(tmp_path / "s.yaml")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        process = start(tmp_path, "s.yaml", "--scheduler", address, "--scheduler-timeout", "2s", "--quiet")
        _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert len(err.splitlines()) == 1
    assert "no Dask scheduler answers within 2 s" in err


@pytest.mark.slow
def test_no_scheduler_at_the_address_is_one_clear_line(tmp_path):
    pytest.importorskip("distributed")
    study(tmp_path / "s.yaml")
    where = ("--scheduler", "tcp://127.0.0.1:9", "--scheduler-timeout", "2s")
    process = start(tmp_path, "s.yaml", *where, "--quiet")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert len(err.splitlines()) == 1
    assert "no Dask scheduler answers" in err


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_cluster_without_workers_is_given_up_in_one_line(tmp_path, cluster, when):
    # Catches a campaign that waits for ever on a scheduler that answers, and whose workers are gone or end at once.
    study(tmp_path / "s.yaml", instances=30, timeout=60)
    options = ("--scheduler", cluster.address, "--scheduler-timeout", "10s", "--quiet")
    if when == "before":
        for worker in cluster.workers:
            worker.kill()
    process = start(tmp_path, "s.yaml", "--out", "out", *options)
    if when == "meanwhile":
        wait_for_runs(tmp_path / "out", 4, process)
        for worker in cluster.workers:
            worker.kill()
    _, err = process.communicate(timeout=200)
    assert process.returncode == 2
    assert len(err.splitlines()) == 1
    assert ("expected at least one worker" if when == "before" else "it has had no worker for 10 s") in err
    assert "what is done stays" in err
