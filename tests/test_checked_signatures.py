"""The checks of signatures that all tests run under: what they refuse, and what they let pass."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jaxtyping
import numpy as np
import pytest
from jaxtyping import Float, TypeCheckError

from .checked_signatures import checked

if TYPE_CHECKING:
    from fractions import Fraction

Vector = Float[np.ndarray, " n"]


@checked
def product(a: Float[np.ndarray, "m n"], x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
    return a @ x if np.all(x) else np.zeros(len(a) + 1)


@checked
def half(value: float, *, times: int = 1) -> float:
    return value / 2**times if times else "nothing"  # type: ignore[return-value]


@checked
def each(values: Vector) -> Iterator[float]:
    yield from values


@checked
def longer(values: Vector) -> Vector:
    return total(np.append(values, 1.0)) * values


@checked
def total(values: Vector) -> float:
    return float(values.sum())


@checked
def pairs(values: "list[Pair]", exact: "Fraction | None" = None) -> "tuple[Pair, ...]":
    return tuple(values)


@checked
@dataclass(frozen=True)
class Pair:
    left: Vector
    right: Vector


REFUSED: dict[str, Callable[[], Any]] = {
    "another type": lambda: half("one"),  # type: ignore[arg-type]
    "another type by name": lambda: half(1.0, times=0.5),  # type: ignore[arg-type]
    "another result": lambda: half(1.0, times=0),
    "a matrix for a vector": lambda: total(np.ones((2, 1))),
    "integers for real numbers": lambda: total(np.ones(2, dtype=int)),
    "sizes that differ": lambda: product(np.eye(2), np.ones(3)),
    "a result of another size": lambda: product(np.eye(2), np.zeros(2)),
    "fields that differ": lambda: Pair(np.ones(2), np.ones(3)),
    "a generator before its first value": lambda: each(np.ones((2, 2))),
    "items, by a name that comes later": lambda: pairs([1]),  # type: ignore[list-item]
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_signature_does_not_allow_is_refused(name: str) -> None:
    # Twice: a checker is made at the first call.
    for _ in range(2):
        with pytest.raises(TypeCheckError):
            REFUSED[name]()


def test_what_a_signature_allows_comes_through() -> None:
    np.testing.assert_array_equal(product(np.eye(2), np.ones(2)), np.ones(2))
    assert half(3) == 1.5
    assert half(3.0, times=2) == 0.75
    assert list(each(np.ones(2))) == [1.0, 1.0]
    pair = Pair(left=np.ones(2), right=np.ones(2))
    # The second is a name that only type checkers know.
    assert pairs([pair], 3) == (pair,)  # type: ignore[arg-type]


def test_each_call_has_its_own_sizes() -> None:
    """Catches a scope that is shared: `n` is 2 here, and 3 in what is called."""
    np.testing.assert_array_equal(longer(np.ones(2)), 3 * np.ones(2))
    for size in (1, 2):
        assert total(np.ones(size)) == size


def test_the_hook_takes_it() -> None:
    """Catches a jaxtyping that no longer looks up what stands in for its own decorator."""
    from thermospice.behavioral import OrnsteinUhlenbeck

    assert jaxtyping.jaxtyped(typechecker=None) is checked
    assert OrnsteinUhlenbeck.__init__.checked  # type: ignore[attr-defined]
    assert OrnsteinUhlenbeck.mean_at.checked  # type: ignore[attr-defined]
