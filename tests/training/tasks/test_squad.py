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


WORDS = [line for line in (TINY / "model" / "vocab.txt").read_text().split("\n") if line]


def model_folder(folder: Path, words: list[str] = WORDS, **settings: Any) -> Path:
    """The files of a model as they are distributed: config.json, vocab.txt, tokenizer_config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text((TINY / "model" / "config.json").read_text())
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def pretrained(folder: Path) -> dict[str, torch.Tensor]:
    """Weights under the head that DistilBERT was pretrained with, by their names in the files."""
    import transformers

    torch.manual_seed(7)
    config = transformers.DistilBertConfig.from_pretrained(folder)
    weights = transformers.DistilBertForMaskedLM(config).state_dict()
    return {name: values.contiguous().clone() for name, values in weights.items()}


def embedding_of(folder: Path) -> torch.Tensor:
    return dict(Adapted(folder)().named_parameters())["model.distilbert.embeddings.word_embeddings.weight"]


@needs_extra
@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_weights_of_either_format_are_those_that_train(tmp_path: Path, name: str) -> None:
    """Catches random weights trained without a word where the folder holds pytorch_model.bin alone."""
    from safetensors.torch import save_file

    folder = model_folder(tmp_path)
    weights = pretrained(folder)
    if name.endswith(".bin"):
        torch.save(weights, folder / name)
    else:
        save_file(weights, folder / name, metadata={"format": "pt"})
    assert torch.equal(embedding_of(folder), weights["distilbert.embeddings.word_embeddings.weight"])


@needs_extra
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("pytorch_model.bin", "other", "expected those of DistilBERT, got none for distilbert"),
        ("pytorch_model.bin", "garbage", "weights cannot be loaded"),
        ("model.safetensors", "garbage", "weights cannot be loaded"),
        ("tf_model.h5", "garbage", "expected model.safetensors or pytorch_model.bin, got tf_model.h5"),
        ("model-00001-of-00002.safetensors", "garbage", "expected model.safetensors or pytorch_model.bin"),
    ],
)
def test_weights_that_cannot_serve_are_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    folder = model_folder(tmp_path)
    if content == "other":
        torch.save({"bert.encoder.weight": torch.zeros(3)}, folder / name)
    else:
        (folder / name).write_bytes(b"not weights")
    with pytest.raises(TaskError, match=message) as caught:
        Adapted(folder)()
    assert "\n" not in str(caught.value)


@needs_extra
def test_pickled_code_in_weights_is_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    folder = model_folder(tmp_path)
    torch.save({"distilbert": Attack()}, folder / "pytorch_model.bin")
    with pytest.raises(TaskError, match="cannot be loaded"):
        Adapted(folder)()
    assert not (tmp_path / "ran").exists()


@needs_extra
def test_a_folder_without_weights_is_warned_of(tmp_path: Path) -> None:
    model_folder(tmp_path / "model")
    for part in ("train.json", "test.json"):
        (tmp_path / part).write_text((TINY / part).read_text())
    with pytest.warns(UserWarning, match="has no weights: the model is random"):
        load_task("squad", tmp_path)


CASED = [*WORDS[:-2], "Brown", "Who"]


@needs_extra
@pytest.mark.parametrize(
    ("words", "settings", "known"),
    [
        (CASED, {"do_lower_case": False}, True),
        (CASED, {}, True),
        (CASED, {"do_lower_case": True}, False),
        (WORDS, {}, False),
    ],
)
def test_letters_keep_their_case_as_the_model_was_taught(
    tmp_path: Path, words: list[str], settings: dict[str, bool], known: bool
) -> None:
    """Catches lower-casing that is the same for every model: a cased one then knows no name."""
    from thermospice.training.tasks.language import Encoder

    encode = Encoder(model_folder(tmp_path, words, **settings), 32, 181)
    inputs, _ = encode([Question("Who?", "Brown saw it.", 0, 5)])
    name = words.index("Brown") if "Brown" in words else -1
    assert (name in inputs["input_ids"][0]) == known


@needs_extra
@pytest.mark.parametrize(
    ("words", "settings", "message"),
    [
        (WORDS, {"do_lower_case": "no"}, "do_lower_case: expected true or false, got 'no'"),
        (WORDS[5:], {}, "no vocabulary of WordPiece|is missing"),
        ([*WORDS, *(f"word{i}" for i in range(9))], {}, "tokens, and the model of its config.json knows 181"),
    ],
)
def test_a_vocabulary_of_another_model_is_refused(
    tmp_path: Path, words: list[str], settings: dict[str, Any], message: str
) -> None:
    from thermospice.training.tasks.language import Encoder

    with pytest.raises(TaskError, match=message) as caught:
        Encoder(model_folder(tmp_path, words, **settings), 32, 181)
    assert "\n" not in str(caught.value)
