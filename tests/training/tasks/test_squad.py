"""Question answering: the files, the positions of answers, and the whole path on what the repository holds."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from thermospice.training import TaskError, experiment, load_task, run_experiments
from thermospice.training.tasks import TINY, Adapted, Question, exact_match, read_squad

needs_extra = pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="the extra `language` is absent")


def document(**changes: Any) -> dict[str, Any]:
    qa = {"question": "Who?", "answers": [{"text": "Brown", "answer_start": 0}], **changes}
    return {"data": [{"paragraphs": [{"context": "Brown saw it.", "qas": [qa]}]}]}


def test_reads_questions(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps(document()))
    assert read_squad(path) == [Question("Who?", "Brown saw it.", 0, 5)]
    path.write_text(json.dumps(document(answers=[], is_impossible=True)))
    assert read_squad(path) == [Question("Who?", "Brown saw it.", 0, 0)]
    assert len(read_squad(TINY / "train.json", limit=3)) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "expected data, of type list, got NoneType"),
        (json.dumps({"data": []}), "at least one question"),
        (json.dumps({"data": [{}]}), r"data\[0\]: expected paragraphs"),
        (json.dumps(document(question=3)), r"data\[0\]\.paragraphs\[0\]\.qas\[0\]: expected question.*got int"),
        (json.dumps(document(answers=[{"text": "Brown"}])), "expected answer_start"),
        (
            json.dumps(document(answers=[{"text": "Brown", "answer_start": 3}])),
            "'Brown' does not stand at character 3",
        ),
    ],
)
def test_refuses_bad_files(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "train.json"
    path.write_text(content)
    with pytest.raises(TaskError, match=message) as caught:
        read_squad(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(TaskError, match="cannot be read"):
        read_squad(tmp_path / "absent.json")


def test_missing_extra_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(TaskError, match=r"pip install 'thermospice\[language\]'"):
        load_task("squad")


def test_exact_match_needs_both_ends() -> None:
    outputs = torch.zeros(3, 4, 2)
    outputs[:, 1, 0] = outputs[:, 2, 1] = 1.0
    assert exact_match(outputs, torch.tensor([[1, 2], [1, 3], [0, 2]])) == pytest.approx(1 / 3)


@needs_extra
def test_positions_spell_the_answers() -> None:
    task = load_task("squad")
    words = (TINY / "model" / "vocab.txt").read_text().split("\n")
    questions = read_squad(TINY / "train.json")[: len(task.train)]
    for ids, (start, end), q in zip(task.train.inputs["input_ids"], task.train.targets, questions, strict=True):
        spelled = " ".join(words[i] for i in ids[start : end + 1])
        assert spelled == q.context[q.start : q.end].lower()


@needs_extra
def test_only_adapters_and_head_train() -> None:
    module = load_task("squad").build()
    trainable = [name for name, p in module.named_parameters() if p.requires_grad]
    # 2 layers x 4 projections x rank 2 x (32 + 32), and 32 x 2 + 2 of the head.
    assert sum(p.numel() for p in module.parameters() if p.requires_grad) == 2 * 4 * 2 * 64 + 66
    assert all("lora" in name or "qa_outputs" in name for name in trainable)


@needs_extra
def test_padding_does_not_matter() -> None:
    task = load_task("squad")
    module = task.build().eval()
    inputs = {name: values[:1] for name, values in task.train.inputs.items()}
    used = int(inputs["attention_mask"].sum())
    short = {name: values[:, :used] for name, values in inputs.items()}
    with torch.no_grad():
        torch.testing.assert_close(module(**inputs)[:, :used], module(**short), rtol=1e-5, atol=1e-6)  # float32


@needs_extra
def test_the_whole_path_runs_offline(tmp_path: Path) -> None:
    common = {"task": "squad", "steps": 4, "batch_size": 4, "seeds": (0,)}
    made = [experiment({**common, **extra}) for extra in ({"optimizer": "adam"}, {"solver": "ideal-spu"})]
    entries = run_experiments(made, tmp_path, workers=1)
    assert [entry["steps"] for entry in entries] == [4, 4]
    assert {"train_loss", "test_loss", "test_accuracy"} <= entries[0].keys() & entries[1].keys()


@needs_extra
def test_the_published_model_has_the_published_size(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "distilbert"}))  # DistilBERT's own defaults
    with torch.device("meta"):
        module = Adapted(tmp_path)()
    assert sum(p.numel() for p in module.parameters() if p.requires_grad) == 75_266
