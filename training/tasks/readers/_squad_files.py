"""Files in SQuAD's format: questions, contexts, and where the answers stand in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....files import FileError, UnreadableFile, read_json
from ..._exceptions import TaskError


@dataclass(frozen=True)
class Question:
    """`context[start:end]` answers `question`; both are zero where the context does not answer it."""

    question: str
    context: str
    start: int
    end: int


def read_squad(path: Path, limit: int | None = None) -> list[Question]:
    """The first `limit` questions of a file in the format of SQuAD 1.1 or 2.0, each with its first answer.

    Format: P. Rajpurkar et al., "SQuAD: 100,000+ questions for machine comprehension of text", EMNLP (2016).
    Raises `TaskError` that names the place for anything else, also for an answer that is not at its position.
    """
    try:
        content = read_json(path)
    except UnreadableFile as error:
        raise TaskError(f"{path}: cannot be read: {error.reason}") from None
    except FileError as error:
        raise TaskError(str(error)) from None
    questions = []
    for question in _questions(content, str(path)):
        questions.append(question)
        if len(questions) == limit:
            break
    if not questions:
        raise TaskError(f"{path}: expected at least one question, got none")
    return questions


def find_file(folder: Path, kinds: tuple[str, ...]) -> Path:
    """The first JSON file whose name starts with one of `kinds`; raises `TaskError`."""
    for kind in kinds:
        for path in sorted(folder.glob(f"{kind}*.json")):
            return path
    raise TaskError(f"{folder}: no {' or '.join(f'{kind}*.json' for kind in kinds)} in SQuAD's format")


def _questions(content: Any, place: str) -> Iterator[Question]:
    for i, article in enumerate(_field(content, "data", list, place)):
        where = f"{place}: data[{i}]"
        for j, paragraph in enumerate(_field(article, "paragraphs", list, where)):
            inner = f"{where}.paragraphs[{j}]"
            context = _field(paragraph, "context", str, inner)
            for k, qa in enumerate(_field(paragraph, "qas", list, inner)):
                yield _question(qa, context, f"{inner}.qas[{k}]")


def _question(qa: Any, context: str, place: str) -> Question:
    text = _field(qa, "question", str, place)
    answers = _field(qa, "answers", list, place)
    if not answers:
        return Question(text, context, 0, 0)
    answer = _field(answers[0], "text", str, f"{place}.answers[0]")
    start = _field(answers[0], "answer_start", int, f"{place}.answers[0]")
    if start < 0 or context[start : start + len(answer)] != answer:
        raise TaskError(f"{place}.answers[0]: {answer!r} does not stand at character {start} of its context")
    return Question(text, context, start, start + len(answer))


def _field(holder: Any, name: str, kind: type, place: str) -> Any:
    found = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(found, kind):
        raise TaskError(f"{place}: expected {name}, of type {kind.__name__}, got {type(found).__name__}")
    return found
