"""Question answering by DistilBERT with low-rank adapters, on files in SQuAD's format."""

import warnings
from pathlib import Path

from torch import Tensor, nn

from .._exceptions import TaskError
from ._task import Split, Task
from .language import Adapted, Encoder
from .readers import find_file, read_squad

TINY = Path(__file__).parent / "data" / "squad"
TRAIN = 800
VALIDATION = 100
TEST = 200
LENGTH = 128  # tokens of question and context together; a model for shorter ones lowers it
BATCH = 32
EPOCHS = 5


def squad(folder: Path | None) -> Task:
    """Where an answer starts and ends: two softmaxes over the tokens, their mean cross-entropy.

    `folder` holds `train*.json`, `test*.json` or `dev*.json`, and `model/` with DistilBERT's `config.json`,
    `vocab.txt`, `tokenizer_config.json` where letters keep their case, and `model.safetensors` or
    `pytorch_model.bin`; without weights they are random, and a warning says so. Without a folder: a small hand-made
    data set and a tiny random model.
    800 questions train, 100 validate, 200 test, or as many as there are. Answers beyond the 128th token count as
    unanswered: both positions are zero. Accuracy: both positions right.

    Setting of K. Donatella et al., "Thermodynamic natural gradient descent" (2024): adapters (E. Hu et al., "LoRA",
    2021) of rank 2, alpha 32, dropout 0.1 on q, k, v and output projections, 75,266 parameters with the head, batches
    of 32, five epochs. Memory: the Jacobian has 2 x batch x tokens rows.

    Raises `TaskError` for missing or malformed files, and when the extra `language` is not installed.
    """
    build = Adapted((folder or TINY) / "model")
    if folder is not None and not build.has_weights:
        warnings.warn(f"squad: {build.folder} has no weights: the model is random, and stays so", stacklevel=2)
    folder = folder or TINY
    encode = Encoder(build.folder, min(LENGTH, build.positions()), build.words())
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
        train=_split(encode(train)),
        validation=_split(encode(questions[-held_out:])),
        test=_split(encode(read_squad(find_file(folder, ("test", "dev")), TEST))),
        steps=EPOCHS * (len(train) // batch),
        batch_size=batch,
        accuracy=exact_match,
    )


def exact_match(outputs: Tensor, targets: Tensor) -> float:
    """Fraction of samples whose largest start and end logit, outputs (B, tokens, 2), both are at targets (B, 2)."""
    return (outputs.argmax(dim=1) == targets).all(dim=1).double().mean().item()


def _split(encoded: tuple[dict[str, Tensor], Tensor]) -> Split:
    return Split(*encoded)
