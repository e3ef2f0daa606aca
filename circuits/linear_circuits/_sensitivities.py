"""How numbers of a circuit change with each of its elements."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from ..networks import Network
from ._linear_circuit import Band, InfiniteVarianceError, LinearCircuit
from ._values import scaled, value_of

# Central differences of a smooth function err by the square of this: 1e-8.
_STEP = 1e-4

MOST_WORK = 2e9
"""Elements times the cube of the states up to which every sensitivity is worked out: about a minute."""


@dataclass(frozen=True, eq=False)
class Sensitivities:
    """Changes for a relative change of each element, to first order: `d(number) / d(ln value)`."""

    elements: tuple[str, ...]
    settled: Float[np.ndarray, "k n"]
    """Of the outputs at rest [V]."""
    poles: Complex[np.ndarray, "k m"]
    """Of the poles [1/s], in the order of `LinearCircuit.poles`."""
    rms: Float[np.ndarray, "k n"] | None
    """Of the outputs' noise [V]; None where it is infinite."""


def sensitivities(circuit: LinearCircuit, band: Band | None = None) -> Sensitivities:
    """Sensitivities by central differences in each element that has a value other than zero.

    Raises:
        ValueError: too large a circuit; its settled outputs alone are `settled_sensitivity`.
    """
    names = tuple(_varied(circuit.network))
    if len(names) * max(len(circuit.poles), 10) ** 3 > MOST_WORK:
        raise ValueError(
            f"network {circuit.network.name}: sensitivities of {len(names)} elements and {len(circuit.poles)} states"
            " take too long; expected a smaller circuit"
        )
    differences = {name: _ends(circuit, name) for name in names}
    settled = _slopes(differences, lambda c: c.settled)
    poles = _slopes(differences, lambda c: _matched(c.poles, circuit.poles))
    return Sensitivities(names, settled.real, poles, _of_noise(circuit, differences, band))


Ends = tuple[LinearCircuit, LinearCircuit]


def _varied(network: Network) -> Iterator[str]:
    for element in network.elements:
        if value_of(element):
            yield element.name


def _ends(circuit: LinearCircuit, name: str) -> Ends:
    lower, upper = (
        LinearCircuit.of(scaled(circuit.network, {name: factor}), circuit.labels) for factor in (1 - _STEP, 1 + _STEP)
    )
    return lower, upper


def _slopes(
    differences: Mapping[str, Ends], number: Callable[[LinearCircuit], Complex[np.ndarray, " n"]]
) -> Complex[np.ndarray, "k n"]:
    found = [(number(upper) - number(lower)) / (2 * _STEP) for lower, upper in differences.values()]
    return np.asarray(found, dtype=complex).reshape(len(found), -1)


def _of_noise(
    circuit: LinearCircuit, differences: Mapping[str, Ends], band: Band | None
) -> Float[np.ndarray, "k n"] | None:
    if not circuit.contributors:
        return None
    try:
        return _slopes(differences, lambda c: np.sqrt(np.diag(c.covariance(band)))).real
    except InfiniteVarianceError:
        return None


def _matched(poles: Complex[np.ndarray, " m"], like: Complex[np.ndarray, " m"]) -> Complex[np.ndarray, " m"]:
    """Poles in the order of those of the unchanged circuit, each the nearest that is left."""
    left = list(poles)
    found = []
    for pole in like:
        k = int(np.argmin(np.abs(np.array(left) - pole)))
        found.append(left.pop(k))
    return np.array(found, dtype=complex)
