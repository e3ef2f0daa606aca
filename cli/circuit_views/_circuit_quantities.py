"""What both views of a circuit of one's own show: poles, responses and covariances as arrays."""

from typing import Any

import numpy as np
from jaxtyping import Float

from ...circuits.linear_circuits import LinearCircuit
from ...netlists.own_circuits import CircuitResult


def poles(model: LinearCircuit) -> list[tuple[float, float]]:
    """Real and imaginary part of each pole [1/s], the slowest first."""
    ordered = sorted(model.poles, key=lambda p: (-p.real, p.imag))
    return [(float(pole.real), float(pole.imag)) for pole in ordered]


def spice_covariance(result: CircuitResult) -> Float[np.ndarray, "n n"] | None:
    """Covariance of the simulator [V^2]; None where it has no limit."""
    name = "covariance" if result.request.band is None else "band_covariance"
    found = result.measurement.get(name)
    return None if found is None else np.asarray(found.values)


def spice_response(result: CircuitResult) -> Any:
    """Response of each output to the chosen input, as the simulator has it."""
    return result.measurement["v_re"].values + 1j * result.measurement["v_im"].values


def model_response(result: CircuitResult) -> Any:
    """Response of each output to the chosen input, as the equations have it."""
    column = result.model.inputs.index(result.input or "")
    return result.model.transfer(result.measurement["frequency"].values)[:, :, column]
