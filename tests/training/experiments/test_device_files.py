"""The device that an experiment names, by the rule of every other command."""

from thermospice.circuits import Design
from thermospice.training import experiment
from thermospice.training.experiments import anchored, load_population


def test_a_design_in_a_folder_needs_no_suffix(tmp_path, monkeypatch):
    # Catches a rule of training's own, by which a path that simulate and sweep take for a file was a preset here.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "designs").mkdir()
    slow = Design.preset("board-1k-1n").model_copy(update={"C": 2e-9})
    (tmp_path / "designs" / "mine").write_text(slow.to_yaml())
    assert load_population(None, "designs/mine").tau == slow.tau

    kept = anchored(experiment({"solver": "device-spu", "design": "designs/mine"}))
    assert kept.design == str(tmp_path / "designs" / "mine")
