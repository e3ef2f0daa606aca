"""Questions to token numbers, masks and answer positions, as the model of a folder was taught to read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ....files import FileError, read_json, read_text
from ....files.opening import DESCRIPTION
from ..._exceptions import TaskError
from ..readers import Question
from ._libraries import check, first_line, libraries

_RULES = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
"""Settings of a model's tokenizer, as the library that is used here calls them."""

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


class Encoder:
    """WordPiece by the `vocab.txt` of a folder; `length` is that of question and context in tokens.

    Letters are lowered as `do_lower_case` of the folder's `tokenizer_config.json` says; without it, where no word of
    the vocabulary has a capital. Raises `TaskError` for files that are missing or malformed, and for more words than
    the `most` that the model knows.
    """

    def __init__(self, folder: Path, length: int, most: int) -> None:
        libraries()
        from tokenizers.implementations import BertWordPieceTokenizer  # type: ignore[attr-defined]

        vocabulary = folder / "vocab.txt"
        check(vocabulary, DESCRIPTION, "DistilBERT's vocabulary, one token a line")
        try:
            self._tokenizer = BertWordPieceTokenizer(str(vocabulary), **_rules(folder, vocabulary))
        except Exception as error:  # the library knows no finer class
            raise TaskError(f"{vocabulary}: no vocabulary of WordPiece: {first_line(error)}") from error
        self._check_words(vocabulary, most)
        self._tokenizer.enable_truncation(length, strategy="only_second")
        self._tokenizer.enable_padding(length=length, pad_id=self._tokenizer.token_to_id("[PAD]"))

    def _check_words(self, vocabulary: Path, most: int) -> None:
        lacking = [name for name in _SPECIAL if self._tokenizer.token_to_id(name) is None]
        if lacking:
            raise TaskError(f"{vocabulary}: expected the tokens {', '.join(_SPECIAL)}; {', '.join(lacking)} is missing")
        words = self._tokenizer.get_vocab_size()
        if words > most:
            raise TaskError(f"{vocabulary}: {words} tokens, and the model of its config.json knows {most}")

    def __call__(self, questions: Sequence[Question]) -> tuple[dict[str, Tensor], Tensor]:
        """Arguments of the model, a question for each row, and first and last token (B, 2) of its answer."""
        codes = [self._encode(q) for q in questions]
        ids = torch.tensor([code.ids for code in codes])
        mask = torch.tensor([code.attention_mask for code in codes], dtype=torch.float32)
        targets = torch.tensor([_span(code, q) for code, q in zip(codes, questions, strict=True)])
        return {"input_ids": ids, "attention_mask": mask}, targets

    def _encode(self, q: Question) -> Any:
        try:
            return self._tokenizer.encode(q.question, q.context)
        except Exception as error:  # the tokenizer knows no finer class
            raise TaskError(f"squad: question {q.question[:60]!r} cannot be encoded: {first_line(error)}") from error


def _rules(folder: Path, vocabulary: Path) -> dict[str, bool]:
    """How a text is prepared, by the names of the library."""
    path = folder / "tokenizer_config.json"
    given = _settings(path) if path.exists() else {}
    found: dict[str, bool] = {}
    for name, rule in _RULES.items():
        value = given.get(name)
        if value is not None and not isinstance(value, bool):
            raise TaskError(f"{path}: {name}: expected true or false, got {value!r}")
        if value is not None:
            found[rule] = value
    if "lowercase" not in found:
        found["lowercase"] = not _has_capitals(vocabulary)
    return found


def _settings(path: Path) -> dict[str, Any]:
    try:
        given = read_json(path)
    except FileError as error:
        raise TaskError(str(error)) from None
    if not isinstance(given, dict):
        raise TaskError(f"{path}: expected settings such as do_lower_case, got {type(given).__name__}")
    return given


def _has_capitals(vocabulary: Path) -> bool:
    words = read_text(vocabulary, DESCRIPTION).splitlines()
    return any(word != word.lower() for word in words if not (word.startswith("[") and word.endswith("]")))


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
