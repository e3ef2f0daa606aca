"""What an optimiser's step takes for a batch."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor


def check_batch(name: str, inputs: Any, targets: Any) -> None:
    """Raises TypeError for what holds no tensors: a batch is not made into one unasked.

    inputs, targets: a tensor, or a tuple, list or mapping that has one; a loss of the outputs alone has targets None.
    """
    for what, value in (("inputs", inputs), ("targets", targets)):
        parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple | list) else (value,)
        if value is targets is None:
            continue
        if not any(isinstance(part, Tensor) for part in parts):
            raise TypeError(
                f"{name}: expected {what} as a tensor, or a tuple or mapping of them, got {type(value).__name__}; "
                "torch.as_tensor makes one"
            )
