"""What a folder says of the run that it holds is believed only where a run could have left it so."""

import copy
import json
from typing import Any

import pytest

HUGE = 10**30
OPTIONS: dict[str, tuple[object, ...]] = {
    "train": ("--workers", 1),
    "run": (),
    "verify": (),
    "calibrate": (),
    "sweep": ("--workers", 1),
}
ROW = {"topology": "rc-mesh", "level": "ideal", "size": 1, "analysis": "op", "metric": "m", "limit": 1e-6}
STATES: dict[str, dict[str, Any]] = {
    "train": {"experiment": {"task": "regression", "optimizer": "sgd", "seeds": [0], "steps": 1}},
    "run": {"settings": {"seed": 0, "quick": True, "design": "board-1k-1n", "size": 2}, "done": {"draw": 1.0}},
    "verify": {
        "request": {
            "topologies": ["rc-mesh"], "levels": ["ideal"], "sizes": [1], "seed": 0, "opinions": False,
            "depth": "quick",
        },
        "cases": {"rc-mesh, ideal, 1 cell": [{**ROW, "value": 1e-9, "passed": True}]},
    },
    "calibrate": {
        "request": {
            "topology": "crossbar", "size": 1, "seed": 0, "instances": 3,
        }
    },
    "sweep": {"study": {"name": "s", "circuit": {"design": "board-1k-1n", "size": 1}, "instances": 1}},
}  # fmt: skip
INF = float("inf")
FORGED: list[tuple[str, tuple[Any, ...], Any]] = [
    *((command, (), value) for command in STATES for value in ([], 1, "state", None, {})),
    *((command, ("command",), "designs") for command in STATES),
    *((command, (next(iter(STATES[command])),), value) for command in STATES for value in (None, 1, [], "x", ...)),
    ("train", ("experiment", "seeds"), [HUGE, -1]),
    ("train", ("experiment", "steps"), "many"),
    ("train", ("experiment", "lr"), INF),
    ("train", ("experiment", "task"), ...),
    ("run", ("settings", "seed"), ...),
    ("verify", ("request", "depth"), ...),
    ("calibrate", ("request", "seed"), ...),
    ("train", ("experiment", "spell"), 1),
    ("train", ("experiment", "design"), {"a": {"b": 1}}),
    ("run", ("settings", "seed"), -1),
    ("run", ("settings", "seed"), HUGE),
    ("run", ("settings", "size"), HUGE),
    ("run", ("settings", "size"), "2"),
    ("run", ("settings", "quick"), 1),
    ("run", ("settings", "colour"), "red"),
    ("run", ("done", "draw"), INF),
    ("run", ("done", "draw"), "long ago"),
    ("run", ("done",), {"fidelity": 1.0, "draw": 1.0}),
    ("verify", ("request", "sizes"), [HUGE]),
    ("verify", ("request", "sizes"), "1"),
    ("verify", ("request", "topologies"), ["ring"]),
    ("verify", ("request", "depth"), "bottomless"),
    ("verify", ("request", "seed"), ...),
    ("verify", ("request", "device"), "nowhere.json"),
    ("verify", ("cases",), {"a": [1]}),
    ("verify", ("cases",), {"a": [{**ROW, "value": INF, "passed": True}]}),
    ("verify", ("cases",), {"a": [{**ROW, "value": "small", "passed": True}]}),
    ("verify", ("cases",), {"a": [{**ROW, "value": 1e-9}]}),
    ("calibrate", ("request", "size"), 0),
    ("calibrate", ("request", "size"), 1.5),
    ("calibrate", ("request", "instances"), HUGE),
    ("calibrate", ("request", "topology"), ["crossbar"]),
    ("calibrate", ("request", "kinds"), "tran"),
    ("calibrate", ("request", "temperature"), -INF),
    ("sweep", ("study", "instances"), HUGE),
    ("sweep", ("study", "circuit"), []),
    ("sweep", ("study", "name"), {"a": 1}),
]


def forged(command, place, value):
    state = {"command": command, **copy.deepcopy(STATES[command])}
    if not place:
        return value
    inner = state
    for key in place[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return state


def named(case):
    command, place, value = case
    return f"{command}-{'.'.join(map(str, place))}-{'missing' if value is ... else str(value)[:20]}"


@pytest.mark.parametrize("case", FORGED, ids=named)
def test_a_forged_state_is_refused_in_one_line(run, tmp_path, case):
    folder = tmp_path / "r"
    folder.mkdir()
    text = json.dumps(forged(*case)).replace("Infinity", "1e999")
    (folder / "state.json").write_text(text)
    outcome = run(case[0], "--resume", "r", *OPTIONS[case[0]], "--quiet")
    outcome.refused()
    assert "a bug" not in outcome.err
    assert (folder / "state.json").read_text() == text
    assert not (folder / "summary.json").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"NaN", b'{"a": ' + b"9" * 5000 + b"}", b"[" * 10**5])
@pytest.mark.parametrize("command", STATES)
def test_a_state_that_is_no_json(run, tmp_path, command, content):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "state.json").write_bytes(content)
    outcome = run(command, "--resume", "r", *OPTIONS[command], "--quiet")
    outcome.refused("state.json", "not UTF-8 text" if content[:1] == b"\xff" else "not valid JSON")
    assert len(outcome.err) < 700


@pytest.mark.parametrize("command", STATES)
@pytest.mark.parametrize("other", STATES)
def test_the_folder_of_another_command_is_left_alone(run, tmp_path, command, other):
    """Catches a command that takes any state, and puts its own summary in the place of another's."""
    if command == other:
        return
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / "state.json").write_text(json.dumps({"command": other, **STATES[other]}))
    (folder / "summary.json").write_text("theirs")
    (tmp_path / "s.yaml").write_text("name: s\ncircuit: {design: board-1k-1n, size: 1}\n")
    ways = [("--resume", "r")]
    ways += [("regression", "--tune", "--resume", "r")] if command == "train" else []
    ways += [("s.yaml", "--resume", "r")] if command == "sweep" else []
    for way in ways:
        run(command, *way, "--quiet").refused("--resume expects a folder of `thermospice", command)
    assert sorted(path.name for path in folder.iterdir()) == ["state.json", "summary.json"]
    assert (folder / "summary.json").read_text() == "theirs"


@pytest.mark.parametrize("command", STATES)
@pytest.mark.parametrize("what", ["folder", "file", "in a folder", "state"])
def test_links_are_not_followed(run, tmp_path, command, what):
    folder, target = tmp_path / "r", tmp_path / "elsewhere"
    (folder / "inner").mkdir(parents=True)
    target.mkdir()
    (target / "state.json").write_text(json.dumps({"command": command, **STATES[command]}))
    if what != "state":
        (folder / "state.json").write_text(json.dumps({"command": command, **STATES[command]}))
    link = {"folder": "training", "file": "instance.json", "in a folder": "inner/x", "state": "state.json"}[what]
    (folder / link).symlink_to(target if what == "folder" else target / "state.json")
    run(command, "--resume", "r", *OPTIONS[command], "--quiet").refused(link, "symbolic link")
    assert [path.name for path in target.iterdir()] == ["state.json"]


def test_rows_that_say_passed_are_judged_anew(run, tmp_path):
    """A row that claims to have passed, with a value above its limit, in the state of an interrupted `verify`."""
    options = ("--topology", "rc-mesh", "--level", "ideal", "--size", 1, "--quick", "--no-second-opinion")
    assert run("verify", *options, "--out", "r", "--quiet").code == 0
    path = tmp_path / "r" / "state.json"
    state = json.loads(path.read_text())
    row = next(iter(state["cases"].values()))[0]
    row.update(value=2 * row["limit"], passed=True)
    path.write_text(json.dumps(state))
    again = run("verify", "--resume", "r", "--quiet", "--json")
    assert again.code == 1
    assert json.loads(again.out)["failed"] == 1


def test_a_case_without_rows_is_not_done(run, tmp_path):
    options = ("--topology", "rc-mesh", "--level", "ideal", "--size", 1, "--quick", "--no-second-opinion")
    first = json.loads(run("verify", *options, "--out", "r", "--quiet", "--json").out)
    path = tmp_path / "r" / "state.json"
    state = json.loads(path.read_text())
    state["cases"] = {name: [] for name in state["cases"]}
    path.write_text(json.dumps(state))
    assert json.loads(run("verify", "--resume", "r", "--quiet", "--json").out)["passed"] == first["passed"] > 0


def test_unfinished_files_of_killed_writers_go(run, tmp_path):
    folder = tmp_path / "r"
    (folder / "calibration").mkdir(parents=True)
    (folder / "state.json").write_text(json.dumps({"command": "run", "settings": {}, "done": 1}))
    drafts = [folder / ".summary.json.0123abcd.part", folder / "calibration" / ".0.nc.89abcdef.part"]
    for path in (*drafts, folder / "kept.part"):
        path.touch()
    run("run", "--resume", "r").refused("state.json")
    assert not any(path.exists() for path in drafts)
    assert (folder / "kept.part").exists()


TRAIN = ("train", "regression", "--optimizer", "sgd", "--steps", 2, "--seeds", 1, "--workers", 1, "--quiet")
FILES = {
    "entry.jsonl": ["[]\n", "\n", "", '{"run": NaN}\n', '{"run": "regression-sgd-s0", "seed": 0}\n'],
    "experiment.yaml": ["[1]\n", "task: {\n", "task: squad\n", "a: *b\n"],
}


@pytest.mark.parametrize(("file", "text"), [(file, text) for file, texts in FILES.items() for text in texts])
def test_forged_files_of_a_training_run(run, tmp_path, file, text):
    assert run(*TRAIN, "--out", "r").code == 0
    (tmp_path / "r" / "regression-sgd-s0" / file).write_text(text)
    summary = (tmp_path / "r" / "summary.json").read_bytes()
    run("train", "--resume", "r", "--workers", 1, "--quiet").refused(file)
    assert (tmp_path / "r" / "summary.json").read_bytes() == summary


@pytest.mark.slow
def test_a_run_is_the_same_by_every_path_to_it(run, tmp_path, monkeypatch):
    """With a device of its own folder: relative, absolute, from inside, and through a link of a parent."""
    from thermospice.cli.main_job import JobSettings
    from thermospice.cli.main_job import _main_job as _main_job
    from thermospice.cli.main_job import _training_stages as _train

    chosen = _train.experiments

    def device_only(folder, settings):
        found = next(one for one in chosen(folder, settings) if one.label == "tngd-device")
        return [found.replace(task="regression", steps=1, seeds=(0,))]

    monkeypatch.setattr(_main_job, "experiments", device_only)
    monkeypatch.setattr("thermospice.cli._run.Settings", lambda **given: JobSettings(**given, size=2))
    assert run("run", "--quick", "--out", "there/r", "--quiet").code in (0, 1)
    (tmp_path / "link").symlink_to("there")
    for folder, way in ((tmp_path, tmp_path / "there" / "r"), (tmp_path / "there", "r"), (tmp_path, "link/r")):
        monkeypatch.chdir(folder)
        outcome = run("run", "--resume", way, "--quiet")
        assert outcome.code in (0, 1), outcome.err
