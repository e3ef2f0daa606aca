"""A small system to solve, and double precision for those who ask for it."""

from collections.abc import Iterator

import pytest
import torch
from thermospice.training.programs import Factors

from .doubles import make_factors


@pytest.fixture
def double_precision() -> Iterator[None]:
    torch.manual_seed(0)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(default)


@pytest.fixture
def factors() -> Factors:
    return make_factors(6, 3, 40)


@pytest.fixture
def drive() -> torch.Tensor:
    return torch.randn(40, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture
def start() -> torch.Tensor:
    return torch.randn(40, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
