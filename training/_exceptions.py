"""Whether an error says that there is no memory."""

import torch


class CheckpointError(RuntimeError):
    """Names the file, and what is wrong with it."""


class ExperimentError(ValueError):
    """One line: the file and the field that are wrong, what was expected, and what came."""


class TaskError(ValueError):
    """Names the file or the setting that is wrong, what was expected, and what came."""


class Diverged(ArithmeticError):
    """The loss or the direction is not finite; the parameters are those before the step."""


class UnstableLoop(ArithmeticError):
    """The mismatched loop has a growing mode.

    longest: analog time [tau] within which its fastest mode grows by e, and no more.
    """

    def __init__(self, message: str, longest: float = 0.0) -> None:
        super().__init__(message)
        self.longest = longest


class StalledSolve(ArithmeticError):
    """A structured solve did not reach its tolerance."""


_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")


def ran_out(error: BaseException) -> bool:
    """Whether an error says that there is no memory: numpy's, torch's on the CPU, or CUDA's."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _WORDS)


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
