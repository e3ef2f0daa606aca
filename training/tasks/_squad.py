"""Question answering by DistilBERT with low-rank adapters, on files in SQuAD's format."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...files import UnreadableFile, check_plain
from ...files.opening import DESCRIPTION, JSON, WEIGHTS
from .._exceptions import TaskError
from ._task import Split, Task
from .readers import Question, find_file, read_squad

TINY = Path(__file__).parent / "data" / "squad"
TRAIN = 800
VALIDATION = 100
TEST = 200
LENGTH = 128  # tokens of question and context together; a model for shorter ones lowers it
BATCH = 32
EPOCHS = 5
_MODULES = ["q_lin", "k_lin", "v_lin", "out_lin"]


def squad(folder: Path | None) -> Task:
    """Where an answer starts and ends: two softmaxes over the tokens, their mean cross-entropy.

    `folder` holds `train*.json`, `test*.json` or `dev*.json`, and `model/` with DistilBERT's `config.json`, `vocab.txt`
    and weights; without weights they are random. Without a folder: a small hand-made data set and a tiny random model.
    800 questions train, 100 validate, 200 test, or as many as there are. Answers beyond the 128th token count as
    unanswered: both positions are zero. Accuracy: both positions right.

    Setting of K. Donatella et al., "Thermodynamic natural gradient descent" (2024): adapters (E. Hu et al., "LoRA",
    2021) of rank 2, alpha 32, dropout 0.1 on q, k, v and output projections, 75,266 parameters with the head, batches
    of 32, five epochs. Memory: the Jacobian has 2 x batch x tokens rows.

    Raises `TaskError` for missing or malformed files, and when the extra `language` is not installed.
    """
    folder = folder or TINY
    build = Adapted(folder / "model")
    length = min(LENGTH, build.positions())
    encode = _Encoder(folder / "model" / "vocab.txt", length)
    questions = read_squad(find_file(folder, ("train",)), TRAIN + VALIDATION)
    held_out = min(VALIDATION, max(1, len(questions) // 6))
    if len(questions) < 2:
        raise TaskError(f"squad: expected at least 2 training questions in {folder}, got {len(questions)}")
    train = questions[:-held_out]
    batch = min(BATCH, max(1, len(train) // 2))
    return Task(
        name="squad",
        build=build,
        loss_fn=nn.CrossEntropyLoss(),
        train=encode(train),
        validation=encode(questions[-held_out:]),
        test=encode(read_squad(find_file(folder, ("test", "dev")), TEST)),
        steps=EPOCHS * (len(train) // batch),
        batch_size=batch,
        accuracy=exact_match,
    )


def exact_match(outputs: Tensor, targets: Tensor) -> float:
    """Fraction of samples whose largest start and end logit, outputs (B, tokens, 2), both are at targets (B, 2)."""
    return (outputs.argmax(dim=1) == targets).all(dim=1).double().mean().item()


@dataclass(frozen=True)
class Adapted:
    """Builds the adapted model of a folder."""

    folder: Path

    def positions(self) -> int:
        return int(self._config().max_position_embeddings)

    def __call__(self) -> nn.Module:
        _, peft = _libraries()
        adapter = peft.LoraConfig(
            r=2, lora_alpha=32, lora_dropout=0.1, target_modules=_MODULES, modules_to_save=["qa_outputs"]
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # between the two libraries, not ours to follow
            return SpanLogits(peft.get_peft_model(self._base(), adapter).base_model.model)

    def _check_files(self) -> None:
        """The library opens them by their names, and would wait for a pipe for ever."""
        for path in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            if path.is_dir():
                continue
            try:
                check_plain(path, JSON if path.suffix == ".json" else WEIGHTS)
            except UnreadableFile as error:
                raise TaskError(str(error)) from None

    def _config(self) -> Any:
        transformers, _ = _libraries()
        self._check_files()
        try:
            # Eager attention: the fused kernels look at the mask's values, which vmap cannot.
            return transformers.DistilBertConfig.from_pretrained(
                self.folder, attn_implementation="eager", local_files_only=True
            )
        except (OSError, ValueError) as error:
            raise TaskError(f"{self.folder}: no readable config.json of DistilBERT: {_first_line(error)}") from error

    def _base(self) -> Any:
        transformers, _ = _libraries()
        model = transformers.DistilBertForQuestionAnswering
        if not any(self.folder.glob("*.safetensors")):
            return model(self._config())
        try:
            return model.from_pretrained(self.folder, config=self._config(), local_files_only=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise TaskError(f"{self.folder}: weights cannot be loaded: {_first_line(error)}") from error


class SpanLogits(nn.Module):
    """Logits (B, tokens, 2) of an answer's start and end, from the adapted model's parts."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        # Ready-made and additive: the library would look at the mask's values to skip it, which vmap cannot.
        hidden = (1.0 - attention_mask) * torch.finfo(attention_mask.dtype).min
        states = self.model.distilbert(input_ids=input_ids, attention_mask=hidden[:, None, None, :])
        logits: Tensor = self.model.qa_outputs(self.model.dropout(states.last_hidden_state))
        return logits


class _Encoder:
    """Questions to token numbers, masks and answer positions."""

    def __init__(self, vocabulary: Path, length: int) -> None:
        _libraries()
        from tokenizers.implementations import BertWordPieceTokenizer  # type: ignore[attr-defined]

        try:
            check_plain(vocabulary, DESCRIPTION)
        except UnreadableFile as error:
            raise TaskError(f"{error}; expected DistilBERT's vocabulary, one token a line") from None
        self._tokenizer = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
        self._tokenizer.enable_truncation(length, strategy="only_second")
        self._tokenizer.enable_padding(length=length)

    def __call__(self, questions: Sequence[Question]) -> Split:
        codes = [self._encode(q) for q in questions]
        ids = torch.tensor([code.ids for code in codes])
        mask = torch.tensor([code.attention_mask for code in codes], dtype=torch.float32)
        targets = torch.tensor([_span(code, q) for code, q in zip(codes, questions, strict=True)])
        return Split({"input_ids": ids, "attention_mask": mask}, targets)

    def _encode(self, q: Question) -> Any:
        try:
            return self._tokenizer.encode(q.question, q.context)
        except Exception as error:  # the tokenizer knows no finer class
            raise TaskError(f"squad: question {q.question[:60]!r} cannot be encoded: {_first_line(error)}") from error


def _span(code: Any, q: Question) -> tuple[int, int]:
    inside = [
        position
        for position, ((start, end), kind, special) in enumerate(
            zip(code.offsets, code.type_ids, code.special_tokens_mask, strict=True)
        )
        if kind == 1 and not special and start < q.end and end > q.start
    ]
    if not inside or code.offsets[inside[-1]][1] < q.end:
        return 0, 0
    return inside[0], inside[-1]


def _libraries() -> tuple[Any, Any]:
    try:
        import peft
        import transformers
    except ImportError as error:
        raise TaskError(
            f"squad: needs transformers and peft ({error}); install them by: pip install 'thermospice[language]'"
        ) from error
    return transformers, peft


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
