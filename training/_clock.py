"""Time that a step takes, on a CPU or a GPU."""

import time

import torch


def now() -> float:
    """Seconds; a GPU has by then done all that it was given, which it otherwise does behind the caller's back."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()
