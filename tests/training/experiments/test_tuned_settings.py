"""Which tuned values an experiment takes: those for about its number of steps, and only those that go together."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from thermospice.training import ExperimentError, experiment, load_experiment, load_task
from thermospice.training.experiments import Choice, Range, settings_at, with_defaults
from thermospice.training.experiments.search import rate_of

CHOSEN = {"lr": 0.02, "damping": 0.5, "t": 4.0, "momentum": 0.9, "start": "zero", "curvature_rows": "sampled"}
TABLE: dict[str, Any] = {
    "task": "regression",
    "budgets": [
        {"schedule": "cosine", "budget": {"steps": 40}, "methods": {"ideal-spu": {"chosen": CHOSEN}}},
        {
            "schedule": "constant",
            "budget": {"steps": 1000},
            "methods": {"ideal-spu": {"chosen": {**CHOSEN, "lr": 0.3}}, "adam": {"chosen": {"lr": 0.004}}},
        },
    ],
}


@pytest.fixture
def complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "regression.yaml").write_text(yaml.safe_dump(TABLE))
    monkeypatch.setattr("thermospice.training.experiments._tuned_table.FOLDER", tmp_path)
    return lambda **fields: with_defaults(experiment({"task": "regression", **fields}), load_task("regression"))


@pytest.mark.parametrize(("steps", "lr", "tuned_for"), [(1, 0.02, 40), (199, 0.02, 40), (201, 0.3, 1000)])
def test_the_nearest_number_of_steps_by_its_ratio(complete: Any, steps: int, lr: float, tuned_for: int) -> None:
    # Catches the nearest by difference: 40 and 1000 part at 520 there, and at 200 by their ratio.
    made = complete(steps=steps)
    assert (made.lr, made.tuned_for) == (lr, tuned_for)


def test_a_number_of_steps_may_be_asked_for(complete: Any) -> None:
    made = complete(steps=10, tuned_for=2000)
    assert (made.lr, made.schedule, made.tuned_for) == (0.3, "constant", 1000)
    assert complete(steps=40, optimizer="adam").tuned_for == 1000  # of its own only tuning
    assert complete(steps=40, optimizer="sgd").tuned_for is None  # it has none


def test_a_bare_chip_takes_its_own_settings_and_a_corrected_one_those_of_the_ideal_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Catches the momentum of an ideal device, which repeats a chip's offsets until the run diverges.
    own = {"budget": {"steps": 1000}, "methods": {"device-spu": {"chosen": {"lr": 0.1}}}}
    table = {**TABLE, "budgets": [*TABLE["budgets"], own]}
    (tmp_path / "regression.yaml").write_text(yaml.safe_dump(table))
    monkeypatch.setattr("thermospice.training.experiments._tuned_table.FOLDER", tmp_path)

    def made(steps: int, **fields: Any) -> Any:
        device = {"task": "regression", "solver": "device-spu", "design": "board-1k-1n", "steps": steps}
        return with_defaults(experiment({**device, **fields}), load_task("regression"))

    bare = made(1000)
    assert (bare.lr, bare.momentum) == (0.1, None)
    assert made(1000, correction="nulled").lr == 0.3
    assert made(40).lr == 0.02  # of the nearest steps first


def test_nothing_tuned_is_not_said_to_be(complete: Any) -> None:
    # Catches results that say tuned_for 50 where every value was given, or where the method has no tuning.
    assert complete(steps=10, tuned_for=50, optimizer="sgd").tuned_for is None
    assert complete(steps=10, tuned_for=50, optimizer="adam", lr=0.1).tuned_for is None
    assert complete(steps=10, tuned_for=50, optimizer="adam").tuned_for == 1000


def test_a_task_without_tunings_has_none_to_ask_for() -> None:
    with pytest.raises(ExperimentError, match="tuned_for: nothing has been tuned for the task regression"):
        with_defaults(experiment({"task": "regression", "tuned_for": 50}), load_task("regression"))


def test_completing_twice_changes_nothing(complete: Any) -> None:
    made = complete(steps=40)
    assert with_defaults(made, load_task("regression")) == made


def test_a_file_of_a_single_tuning_is_read_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "regression.yaml").write_text(
        yaml.safe_dump({"task": "regression", "schedule": "constant", "methods": {"adam": {"chosen": {"lr": 0.07}}}})
    )
    monkeypatch.setattr("thermospice.training.experiments._tuned_table.FOLDER", tmp_path)
    made = with_defaults(experiment({"task": "regression", "optimizer": "adam"}), load_task("regression"))
    assert (made.lr, made.tuned_for) == (0.07, None)


@pytest.mark.parametrize(
    ("given", "left_open"),
    [
        ({"lr": 0.5}, {"momentum": None, "start": "warm", "curvature_rows": None, "t": 4.0}),
        ({"beta1": 0.9}, {"momentum": None, "start": "zero"}),
        ({"delay": 0.5}, {"start": "warm", "momentum": 0.9}),
        ({"curvature": "fisher"}, {"curvature_rows": None, "momentum": 0.9}),
        ({"curvature_average": 2}, {"curvature_rows": None}),
        ({}, {"momentum": 0.9, "start": "zero", "curvature_rows": "sampled"}),
    ],
)
def test_tuned_values_give_way_to_what_was_asked_for(complete: Any, given: Any, left_open: Any) -> None:
    # Catches a rate of a paper with the momentum of a tuning, and a refusal of what nobody has asked for.
    made = complete(steps=40, **given)
    assert {name: getattr(made, name) for name in left_open} == left_open


def test_rates_are_for_the_reach_of_the_solver() -> None:
    # lr reach/(1 - momentum) = rho; a warm device comes to 1/damping however short its runs are
    assert rate_of(2.0, damping=0.1, t=4.0, momentum=0.5, start="zero") == pytest.approx(0.25)
    assert rate_of(2.0, damping=0.1, t=4.0, momentum=0.5, start="warm") == pytest.approx(0.1)
    assert rate_of(2.0, damping=0.1) == pytest.approx(0.2)
    space = {"rho": Range(1.0, 100.0), "damping": Range(0.1, 10.0), "start": Choice(("warm", "zero"))}
    assert settings_at(space, {"rho": 0.5, "damping": 0.5, "start": 0.99}) == {
        "lr": 10.0,
        "damping": 1.0,
        "start": "zero",
    }
    assert Choice(("a", "b")).at(1.0) == "b"


def test_a_tuning_is_read_for_the_method_and_the_steps_that_are_wanted(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(TABLE))

    def made(**wanted: Any) -> Any:
        return load_experiment(path, **wanted)

    assert (made(steps=50).method, made(steps=50).lr, made(steps=50).steps) == ("ideal-spu", 0.02, 50)
    assert (made(tuned_for=900).lr, made(tuned_for=900).steps, made(tuned_for=900).tuned_for) == (0.3, 1000, None)
    assert (made(optimizer="adam").lr, made(optimizer="adam").schedule) == (0.004, "constant")
    assert (made(steps=50, solver="device-spu", design="board-1k-1n").lr) == 0.02  # shares that of the ideal device
    assert (made(steps=50, lr=0.7).lr, made(steps=50, lr=0.7).momentum) == (0.7, 0.9)  # options win, one by one
    assert made(tuned_for=40, epochs=2).steps is None
    with pytest.raises(ExperimentError, match=r"mine.yaml: steps: .* for 40, 1000 steps"):
        made()
    with pytest.raises(ExperimentError, match="task: its settings were tuned for 'regression', got 'digits'"):
        made(steps=40, task="digits")
    with pytest.raises(ExperimentError, match="no settings of sgd; there are those of ideal-spu, adam"):
        made(optimizer="sgd")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"methods": 3, "task": "digits"}, "methods: expected a mapping"),
        ({"budgets": {"a": 1}, "task": "digits"}, "budgets: expected a list"),
        ({"methods": {"adam": {"chosen": [1]}}, "task": "digits"}, "methods: adam: chosen: expected a mapping"),
        ({"methods": {"adam": {"chosen": {"lr": "high"}}}, "task": "digits"}, "lr: "),
        ({"methods": {"adam": {"chosen": {"rate": 1}}}, "task": "digits"}, "rate: unknown field"),
        ({"methods": {"adam": {"chosen": {"lr": 1}}}}, "task: expected the name"),
        ({"methods": {"adam": {"chosen": {}}}, "task": "digits", "budget": {"steps": 0}}, "budget: steps: expected a"),
    ],
)  # fmt: skip
def test_a_damaged_tuning_is_refused_in_a_line(tmp_path: Path, content: dict[str, Any], words: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ExperimentError, match=words) as caught:
        load_experiment(path, optimizer="adam")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
