"""What an optimiser takes for its parts, and its step for a batch."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ...files.arguments import shown
from ..solvers import Solver


def check_parts(name: str, loss_fn: Any, solver: Any) -> None:
    """Raises TypeError for a class where one of its kind was expected, `MSELoss` for `MSELoss()`, and for no solver."""
    if isinstance(loss_fn, type) or not callable(loss_fn):
        found = f"the class {loss_fn.__name__}" if isinstance(loss_fn, type) else type(loss_fn).__name__
        raise TypeError(f"{name}: expected loss_fn as a function or a loss, such as MSELoss(), got {found}")
    if solver is not None and (isinstance(solver, type) or not isinstance(solver, Solver)):
        raise TypeError(f"{name}: expected a solver, such as Woodbury(), got {shown(solver)}")


class _Missing:
    """An argument that was not given; None is a target."""


MISSING = _Missing()


def is_closure(name: str, inputs: Any, targets: Any) -> bool:
    """Whether a step was asked for by a closure. Raises TypeError where there is neither one nor a batch."""
    if targets is not MISSING:
        return False
    if callable(inputs):
        return True
    raise TypeError(
        f"{name}: expected step(inputs, targets), or step(closure) with a closure as for torch.optim.LBFGS: gradients "
        "alone do not tell the curvature"
    )


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
