"""The linear equations of a circuit of one's own, in a file of arrays and a script beside it."""

import io
from dataclasses import replace
from importlib.resources import files
from typing import TypeGuard

import numpy as np
from jaxtyping import Float

from ...circuits import Network, state_space
from ...circuits.networks import CurrentSource, Element, OpAmp, VoltageSource
from ...circuits.state_spaces import noise_paths
from ._numpy_chip import NumpyChip


def numpy_circuit(network: Network, comments: tuple[str, ...]) -> NumpyChip:
    """A circuit with its outputs; every independent source is an input, its dc value the example.

    Args:
        network: amplifiers are linearised.
        comments: plain lines of where it comes from.

    Raises:
        CircuitError: equations that are singular.
    """
    sources = [e for e in network.elements if _is_input(e)]
    space = state_space(_with_inputs(network))
    paths = noise_paths(network)
    drive = np.zeros((len(space.C), 0)) if space.inputs is None else space.inputs
    direct = np.zeros((len(space.M), 0)) if space.y_inputs is None else space.y_inputs
    root = np.sqrt(paths.densities)
    corner, lowest = _flicker(network, paths.names)
    arrays = {
        "F": space.F,
        "M": space.M,
        "input": np.linalg.solve(space.C, drive),
        "bias": np.linalg.solve(space.C, space.bias),
        "direct": direct,
        "shift": space.y_bias,
        "start": np.zeros(len(space.C)) if space.start is None else space.start,
        "noise": np.linalg.solve(space.C, paths.inflow * root),
        "noise_direct": paths.direct * root,
        "corner": corner,
        "lowest": lowest,
        "example": np.array([float(source.dc) for source in sources]),
    }
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    text = (files(__package__) / "circuit_script.txt").read_text(encoding="utf-8")
    return NumpyChip(file.getvalue(), text.replace("@COMMENTS@", "\n".join(comments)))


def _is_input(element: Element) -> TypeGuard[VoltageSource | CurrentSource]:
    """Whether it is a source of the netlist, and not the constant of an expression."""
    return isinstance(element, VoltageSource | CurrentSource) and "#" not in element.name


def _with_inputs(network: Network) -> Network:
    """Every source an input of its own, at nothing."""
    elements = tuple(
        replace(e, dc=0.0, drive=False, ac=1.0, waveform=None) if _is_input(e) else e for e in network.elements
    )
    return replace(network, elements=elements)


def _flicker(network: Network, names: tuple[str, ...]) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Corner and lowest frequency of the 1/f noise of each source [Hz]."""
    corner = np.zeros(len(names))
    lowest = np.ones(len(names))
    for element in network.elements:
        if isinstance(element, OpAmp) and element.model is not None and element.model.noise_corner > 0:
            k = names.index(f"{element.name}_en")
            corner[k], lowest[k] = element.model.noise_corner, element.model.noise_lowest
    return corner, lowest
