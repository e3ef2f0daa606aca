"""Names that `train` takes, known without torch: a misspelled one is answered before that is loaded."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...files import joined
from .._exceptions import InputError

# A test holds them to what `thermospice.training` has.
TASKS = ("digits", "regression", "logistic", "least-squares", "pinn", "autoencoder", "mnist", "squad")
OPTIMIZERS = ("sgd", "momentum", "adam", "lbfgs", "tngd", "kfac")
SOLVERS = ("ideal-spu", "device-spu", "model-spu", "spice-spu", "cholesky", "woodbury", "conjugate-gradient")


def check_training_names(config: Path | None, given: Mapping[str, Any]) -> None:
    """Look at the names and files of options, as far as that needs no library.

    Raises:
        InputError: a name that is none, no task, or a file that is not there.
    """
    if config is None and given.get("task") is None:
        raise InputError(f"TASK: expected one of {', '.join(TASKS)} (or --config, or --resume)")
    if config is not None and not config.exists():
        raise InputError(f"{config}: cannot be read: No such file or directory")
    faults = list(_faults(given))
    if faults:
        raise InputError(f"options: {joined(faults)}")


def _faults(given: Mapping[str, Any]) -> Iterator[str]:
    for name, known in (("task", TASKS), ("optimizer", OPTIMIZERS), ("solver", SOLVERS)):
        value = given.get(name)
        if value is not None and value not in known:
            yield f"{name}: expected one of {', '.join(known)}, got {value!r}"
