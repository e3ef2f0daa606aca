"""L-BFGS whose state has the same shape from its first step on, so that a checkpoint of it can be judged."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

# Evaluations in one line search, and steps that the curvature is told by.
_MOST_LOOKS = 25
_HISTORY = 50

# Numbers of torch's state, and what each is read back as.
_READ: Mapping[str, Callable[[Tensor], float]] = {
    "func_evals": int,
    "n_iter": int,
    "t": float,
    "H_diag": float,
    "prev_loss": float,
}


class LBFGS(torch.optim.LBFGS):
    """One iteration a step, with as many looks at the loss as a line search by Wolfe's conditions takes.

    It stops at no tolerance, as the other optimisers do not. J. Nocedal, S. Wright, "Numerical Optimization" (2006),
    section 7.2, in torch's implementation.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float = 1.0) -> None:
        super().__init__(
            parameters,
            lr,
            max_iter=1,
            max_eval=_MOST_LOOKS,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            history_size=_HISTORY,
            line_search_fn="strong_wolfe",
        )

    def state_dict(self) -> dict[str, Any]:
        packed = super().state_dict()
        return {**packed, "state": {key: _packed(state) for key, state in packed["state"].items()}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        whole = {key: _unpacked(state) for key, state in state_dict["state"].items()}
        super().load_state_dict({**state_dict, "state": whole})


def _packed(state: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as arrays of `_HISTORY` rows, of which `kept` are used; numbers as float64."""
    d = state["d"]
    return {
        "d": d,
        "prev_flat_grad": state["prev_flat_grad"],
        "kept": torch.tensor(len(state["ro"])),
        **{name: _number(state[name]) for name in _READ},
        "old_dirs": _rows(state["old_dirs"], d, len(d)),
        "old_stps": _rows(state["old_stps"], d, len(d)),
        "ro": _rows(state["ro"], d, 1),
    }


def _unpacked(state: Mapping[str, Any]) -> dict[str, Any]:
    # torch changes its state in place, and what it was given may be another optimiser's
    state = {name: value.clone() for name, value in state.items()}
    kept = int(state["kept"])
    return {
        "d": state["d"],
        "prev_flat_grad": state["prev_flat_grad"],
        # each in memory of its own: how a sum is rounded depends on where a vector begins
        "old_dirs": [row.clone() for row in state["old_dirs"][:kept]],
        "old_stps": [row.clone() for row in state["old_stps"][:kept]],
        "ro": list(state["ro"][:kept, 0]),
        **{name: read(state[name]) for name, read in _READ.items()},
    }


def _number(value: Any) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64).detach().cpu()


def _rows(vectors: Iterable[Tensor], like: Tensor, width: int) -> Tensor:
    rows = like.new_zeros(_HISTORY, width)
    for row, vector in zip(rows, vectors, strict=False):
        row.copy_(vector)
    return rows
