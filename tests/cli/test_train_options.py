"""Options of `thermospice train`: each is a field of the experiment, and what does not fit is said in a line."""

import json

import pytest
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Crossbar, Design
from thermospice.cli.commands.train import _SETTINGS
from thermospice.cli.views import training
from thermospice.reports.results import Folder
from thermospice.reports.verdicts import box
from thermospice.training import Experiment
from thermospice.training.runs import Tuned


@pytest.fixture
def asked(run, tmp_path, monkeypatch):
    """The experiment that a command line asks for, without its runs."""
    monkeypatch.setattr(training, "run", lambda *_: [])

    def experiment(*options):
        out = f"out{len(list(tmp_path.iterdir()))}"
        assert run("train", *options, "--out", out, "--quiet").code == 0
        return json.loads((tmp_path / out / "state.json").read_text())["experiment"]

    return experiment


def test_every_setting_is_a_field():
    assert set(_SETTINGS) <= set(Experiment.model_fields)


def test_settings_of_a_drifting_device(asked, tmp_path):
    options = (
        "regression --solver device-spu --design chip.yaml --accumulate 2 --schedule cosine --momentum 0.5"
        " --weight-decay 0.01 --curvature fisher --autocast bfloat16 --t 3 --delay 0.2 --start warm --device-seed seed"
        " --correction calibrated --without offset --without noise --rounding stochastic --step-time 0.5"
        " --recalibrate-every 10"
    )
    found = asked(*options.split())
    expected = {
        "solver": "device-spu", "design": str(tmp_path / "chip.yaml"), "accumulate": 2,
        "schedule": "cosine", "momentum": 0.5,
        "weight_decay": 0.01, "curvature": "fisher", "autocast": "bfloat16", "t": 3.0, "delay": 0.2, "start": "warm",
        "device_seed": "seed", "correction": "calibrated", "without": ["offset", "noise"], "rounding": "stochastic",
        "step_time": 0.5, "recalibrate_every": 10,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_settings_of_other_methods(asked):
    kfac = asked("digits", "--optimizer", "kfac", "--solver", "ideal-spu", "--bits", 8, "--kappa0", 1e-6)
    assert (kfac["optimizer"], kfac["bits"], kfac["kappa0"]) == ("kfac", 8, 1e-6)
    numbered = asked("digits", "--solver", "device-spu", "--device-seed", 12, "--precision", "float64")
    assert (numbered["device_seed"], numbered["precision"]) == (12, "float64")


def test_a_tuning_is_a_configuration(asked, run, tmp_path):
    # Catches a file of tuned settings that only a person can read.
    chosen = {"adam": {"chosen": {"lr": 0.02, "beta1": 0.5}}, "ideal-spu": {"chosen": {"lr": 0.1, "t": 7.0}}}
    tuning = {"task": "digits", "schedule": "cosine", "budget": {"steps": 9}, "methods": chosen}
    (tmp_path / "digits.yaml").write_text(json.dumps(tuning))
    found = asked("--config", "digits.yaml", "--optimizer", "adam", "--lr", 0.03)
    wanted = {"task": "digits", "optimizer": "adam", "lr": 0.03, "beta1": 0.5, "steps": 9, "schedule": "cosine"}
    assert {name: found[name] for name in wanted} == wanted
    assert asked("--config", "digits.yaml")["t"] == 7.0
    run("train", "mnist", "--config", "digits.yaml").refused("digits.yaml: task: its settings were tuned for 'digits'")


def test_an_option_of_seeds_wins_over_every_file(tmp_path):
    # Catches a --seed 0 that counts as nothing given, so that an experiment's file trains five seeds and not that one.
    contents = {
        "plain": "{task: digits, optimizer: adam, seeds: [7, 8]}",
        "none": "{task: digits, optimizer: adam}",
        "tuned": "{task: digits, methods: {ideal-spu: {chosen: {lr: 0.02}}}}",
    }
    for name, text in contents.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    sources = {None: (0,), "plain": (7, 8), "none": (0, 1, 2, 3, 4), "tuned": (0,)}
    for name, of_source in sources.items():
        file = None if name is None else tmp_path / f"{name}.yaml"
        for seed, seeds, wanted in (
            (None, None, of_source),
            (0, None, (0,)),
            (1, None, (1,)),
            (None, 2, (0, 1)),
            (3, 2, (3, 4)),
        ):
            assert training.requested(file, {"task": "digits"}, seed, seeds).seeds == wanted, (name, seed, seeds)


def test_options_that_do_not_fit_are_refused_in_a_line(run, tmp_path):
    DeviceModel.nominal(Design.preset("board-1k-1n").nominal(Crossbar(n=2))).save(tmp_path / "device.json")
    measured = ("--solver", "device-spu", "--chip", "measured", "--seeds", 1, "--steps", 1)
    run("train", "regression", *measured, "--device", "device.json").refused("chip: measured needs", "of a crossbar")
    run("train", "regression", *measured).refused("chip: measured needs device")
    run("train", "digits", "--device-seed", "x", "--solver", "device-spu").refused("device_seed: expected the number")
    run("train", "digits", "--optimizer", "adam", "--delay", 1).refused("delay: means nothing to adam")
    run("train", "digits", "--optimizer", "kfac", "--solver", "spice-spu").refused("solver: kfac takes one of cholesky")
    run("train", "--tune", "digits", "--without", "offset").refused("--tune: chooses the settings itself", "without")


def test_names_that_are_known_without_torch_are_those_of_the_training():
    # Catches a task, an optimiser or a solver that the command line refuses because it has never heard of it.
    from thermospice.cli.inputs import _training_names as names
    from thermospice.training.experiments import OPTIMIZERS, SOLVERS
    from thermospice.training.tasks import TASKS

    assert (names.TASKS, names.OPTIMIZERS, names.SOLVERS) == (TASKS, OPTIMIZERS, SOLVERS)


def test_a_tuning_shows_every_method_and_recommends_the_best(run, tmp_path, monkeypatch):
    # Catches a tuning that leaves its answer in a file, and a command that trains the first method, not the best.
    found = [
        Tuned(name, {"lr": 0.25}, loss, (), ()) for name, loss in (("sgd", 0.5), ("ideal-spu", 0.125), ("adam", 0.3))
    ]

    def tune(name, folder, **_):
        (folder / f"{name}.yaml").write_text("methods: {}")
        return found

    monkeypatch.setattr("thermospice.cli.views._training.tune", tune)
    done = run("train", "regression", "--tune", "--out", "out")
    assert done.code == 0
    assert [line.split()[:4] for line in done.out.splitlines()[1:4]] == [
        ["ideal-spu", "0.125", "lr", "0.25"], ["adam", "0.3", "lr", "0.25"], ["sgd", "0.5", "lr", "0.25"]
    ]  # fmt: skip
    assert "regression.yaml --optimizer tngd --solver ideal-spu\n" in done.err
    assert (
        box(Folder(tmp_path / "out")).verdict.next[0].endswith("regression.yaml --optimizer tngd --solver ideal-spu`.")
    )
