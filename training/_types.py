"""Array shapes and the protocols that the training room's parts agree on."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

LinAlgError: type[RuntimeError] = torch.linalg.LinAlgError  # type: ignore[attr-defined]  # missing in torch's types

Vector = Float[Tensor, " N"]
Rows = Float[Tensor, " r"]
Matrix = Float[Tensor, "n n"]
Jacobian = Float[Tensor, "r N"]
OutputHessian = Float[Tensor, "B k k"]

LossFunction = Callable[..., Tensor]
"""`loss_fn(outputs, targets) -> scalar`, a sum or a mean over the samples."""

Stats = Mapping[str, float]
"""What a solve cost: `analog_time` [tau], `iterations`, `residual`, `clipped`, ... Not computed is absent."""

Array = TypeVar("Array", Tensor, NDArray[Any])


@runtime_checkable
class DenseProgram(Protocol):
    """A program that is a whole matrix, such as `thermospice.circuits.Program`."""

    @property
    def A(self) -> NDArray[Any]: ...

    @property
    def b(self) -> NDArray[Any]: ...
