"""A deck is code to ngspice. Whatever a user's file says, none of it runs: it is refused, or never gets to a deck."""

import json
import subprocess
from copy import deepcopy

import numpy as np
import pytest
import yaml
from thermospice.circuits import Crossbar, Design, DesignError, Instance, Program, ProgramError
from thermospice.netlists import Job, NetlistError, deck, simulate
from thermospice.netlists.amplifiers import TwoStage, user_amplifier

ATTACKS = {
    "control": "1\n.control\nshell touch {canary}\n.endc\n",
    "control_crlf": "1\r\n.control\r\nshell touch {canary}\r\n.endc\r\n",
    "back_quotes": "1 `touch {canary}`",
    "back_quotes_set": "1\n.control\nset x = `touch {canary}`\n.endc\n",
    "comment": "1\n*#shell touch {canary}\n",
    "include": "1\n.include {folder}/evil.cir\n",
    "lib": "1\n.lib {folder}/evil.cir tt\n",
    "script": "*ng_script\nshell touch {canary}\n",
    "brace": "{{shell touch {canary}}}",
    "end": "1\n.end\n.control\nshell touch {canary}\n.endc\n",
    "python": "!!python/object/apply:os.system ['touch {canary}']",
}
RUN_BY_NGSPICE = ("control", "back_quotes_set", "comment", "include")
"""With these in a deck, ngspice does create the file: the tests below could fail."""

CIRCUIT = "title\nv1 a 0 1\nr1 a 0 1\n.op\n"


@pytest.fixture
def canary(tmp_path):
    """The file that no attack may create; an evil file to include lies beside it."""
    path = tmp_path / "canary"
    (tmp_path / "evil.cir").write_text(f".control\nshell touch {path}\n.endc\n")
    return path


def armed(name, canary):
    return ATTACKS[name].format(canary=canary, folder=canary.parent)


def design_dict():
    return Design.preset("board-1k-1n").to_dict()


def plain_ngspice(folder, file="circuit.cir"):
    subprocess.run(["ngspice", "-b", file], cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)


@pytest.mark.parametrize("attack", RUN_BY_NGSPICE)
def test_the_attacks_work_where_nothing_is_in_the_way(tmp_path, canary, attack):
    lines = armed(attack, canary).partition("\n")[2]
    (tmp_path / "circuit.cir").write_text(f"{CIRCUIT}{lines}.end\n")
    plain_ngspice(tmp_path)
    assert canary.exists()


PLACES = {
    "name": lambda text: {"name": text},
    "description": lambda text: {"description": text},
    "source": lambda text: {"sources": {"R0": text}},
    "source_name": lambda text: {"sources": {text: "mine"}},
    "R0": lambda text: {"R0": text},
    "temperature": lambda text: {"temperature": text},
    "gain": lambda text: {"amplifier": {**design_dict()["amplifier"], "gain": text}},
    "bits": lambda text: {"programming": {"bits": text}},
    "new_key": lambda text: {text: 1},
}
HARMLESS = {"description", "source", "source_name"}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", PLACES)
def test_design_file(run, tmp_path, canary, place, attack):
    text = armed(attack, canary)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**design_dict(), **PLACES[place](text)}))
    outcome = run("simulate", "--design", "mine.yaml", "--size", 1, "--analysis", "op", "--out", "new", "--quiet")
    if place in HARMLESS:
        # Kept as a note, and no part of the circuit; that also holds for someone who runs the circuit by hand.
        assert outcome.code == 0, outcome.err
        assert "canary" not in (tmp_path / "new" / "circuit.cir").read_text()
        plain_ngspice(tmp_path / "new")
    else:
        outcome.refused("mine.yaml")
    assert not canary.exists()


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['touch {}']", "!!python/name:os.system {}"])
def test_design_file_with_a_python_object(run, tmp_path, canary, tag):
    (tmp_path / "mine.yaml").write_text(f"name: {tag.format(canary)}\n")
    run("simulate", "--design", "mine.yaml").refused("mine.yaml", "not valid YAML")
    assert not canary.exists()


@pytest.mark.parametrize("option", ["--matrix", "--drive", "--jacobian", "--hessian"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_csv(run, tmp_path, canary, option, attack):
    names = ("--jacobian", "--hessian", "--drive") if option in ("--jacobian", "--hessian") else ("--matrix", "--drive")
    for name in names:
        (tmp_path / f"{name[2:]}.csv").write_text("1")
    (tmp_path / f"{option[2:]}.csv").write_text(armed(attack, canary))
    files = (word for name in names for word in (name, f"{name[2:]}.csv"))
    run("simulate", *files, "--analysis", "op").refused(f"{option[2:]}.csv, row")
    assert not canary.exists()


@pytest.mark.parametrize("attack", ATTACKS)
def test_file_names(run, tmp_path, canary, attack):
    name = armed(attack, canary).replace("/", "_")[:80]
    (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(design_dict()))
    outcome = run("simulate", "--design", f"{name}.yaml", "--size", 1, "--analysis", "op", "--out", name, "--quiet")
    assert outcome.code == 0, outcome.err
    assert "touch" not in (tmp_path / name / "circuit.cir").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"evil.cir", f"{name}.yaml", name}


@pytest.mark.parametrize("option", ["--topology", "--level", "--analysis", "--temperature", "--drive-scale", "--at"])
def test_options(run, canary, option):
    for attack in ATTACKS:
        run("simulate", f"{option}={armed(attack, canary)}").refused()
    assert not canary.exists()


def places(data):
    for key in range(len(data)) if isinstance(data, list) else list(data):
        if isinstance(data[key], dict | list):
            yield from ((key, *rest) for rest in places(data[key]))
        else:
            yield (key,)


def planted(data, place, text):
    found = deepcopy(data)
    inner = found
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = text
    return found


INSTANCE = Design.preset("board-1k-1n").sample(Crossbar(1), np.random.default_rng(0), 0).to_dict()
PROGRAM = Program.from_factors([[0.5]], [[1.0]], 0.5, [1.0]).to_dict()


@pytest.mark.parametrize("place", list(places(INSTANCE)), ids=lambda place: ".".join(map(str, place)))
def test_instance_file(tmp_path, canary, place):
    """Every value in the file, each replaced by every attack."""
    for attack in ATTACKS:
        (tmp_path / "instance.json").write_text(json.dumps(planted(INSTANCE, place, armed(attack, canary))))
        try:
            chip = Instance.load(tmp_path / "instance.json")
        except DesignError:
            continue
        # Notes and the recorded seed say where a chip comes from; a circuit has neither.
        assert place[0] == "seed" or place[:2] in (("design", "description"), ("design", "sources")), attack
        text = deck(Job(chip, Program(np.eye(1), np.ones(1)), "op"))
        assert "touch" not in text
        assert "evil" not in text
    assert not canary.exists()


@pytest.mark.parametrize("place", list(places(PROGRAM)), ids=lambda place: ".".join(map(str, place)))
def test_program_file(canary, place):
    ignored = place[0] == "A"  # the factors stand for it
    for attack in ATTACKS:
        data = planted(PROGRAM, place, armed(attack, canary))
        if ignored:
            assert Program.from_dict(data).A.dtype == float
        else:
            with pytest.raises(ProgramError):
                Program.from_dict(data)
        with pytest.raises(ProgramError):
            Program.from_dict({"A": [[armed(attack, canary)]], "b": [1.0]})


@pytest.mark.parametrize("attack", ATTACKS)
def test_amplifier_file_without_trust(run, tmp_path, canary, attack):
    text = f"{TwoStage().circuit().definition()}\n{armed(attack, canary)}"
    (tmp_path / "amp.sub").write_text(text)
    chip = ("--design", "cmos-100k-10p", "--level", "transistor", "--size", 1, "--analysis", "op")
    run("simulate", *chip, "--amplifier", "amp.sub").refused("amp.sub", "--trust")
    with pytest.raises(NetlistError, match="trust"):
        user_amplifier(tmp_path / "amp.sub")
    assert not canary.exists()


def test_start_up_files(tmp_path, canary, monkeypatch):
    script = f"shell touch {canary}\n"
    for name in (".spiceinit", "spinit", "spice.rc"):
        (tmp_path / name).write_text(script)
    monkeypatch.chdir(tmp_path)
    for variable in ("HOME", "USERPROFILE", "SPICE_SCRIPTS", "SPICE_LIB_DIR", "SPICE_PATH"):
        monkeypatch.setenv(variable, str(tmp_path))
    chip = Design.preset("board-1k-1n").nominal(Crossbar(1))
    simulate(chip, Program(np.eye(1), np.ones(1)), "op")
    assert not canary.exists()
    # Nothing but the harness is in the way.
    (tmp_path / "circuit.cir").write_text(f"{CIRCUIT}.end\n")
    plain_ngspice(tmp_path)
    assert canary.exists()
