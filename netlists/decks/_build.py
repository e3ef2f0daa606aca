"""A program on a chip as a SPICE circuit: as a PySpice object, and as text."""

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ...circuits import Instance, Level, Network, Program, Scaling
from .._exceptions import NetlistError
from ..amplifiers import AmplifierSubcircuit
from ..cards import Card, NoiseForm, cards, number
from ._transistor_level import check_fits, chosen_amplifier, hold_cards, preamble

if TYPE_CHECKING:
    from PySpice.Spice.Netlist import Circuit


TITLE = "thermospice"
UNSCALED = Scaling()
_CELSIUS = 273.15


def build(
    instance: Instance,
    program: Program,
    level: Level = "macro",
    scaling: Scaling = UNSCALED,
    x0: Sequence[float] | Float[np.ndarray, " n"] | None = None,
    noise: NoiseForm = "spectral",
    noise_step: float | None = None,
    amplifier: AmplifierSubcircuit | None = None,
) -> "Circuit":
    """The circuit of a chip with a program loaded, as PySpice elements with plain SI numbers.

    Args:
        instance: the chip.
        program: A and b.
        level: `ideal`, `macro` or `transistor`.
        scaling: how the program is fitted to the device.
        x0: initial voltage of each cell [V], zero unless given.
        noise: form of the noise sources: `spectral` (for `.noise`), `seeded` (for `.tran`) or `none`.
        noise_step: time that a seeded source holds a value [s].
        amplifier: subcircuit at level `transistor`; the project's two-stage amplifier unless given.

    Raises:
        ProgramError, DesignError: the program or the level does not fit the chip.
        NetlistError: an unsafe name or number, or a node without a path for direct current to ground.
    """
    network = instance.network(program, level, scaling)
    chosen = chosen_amplifier(level, amplifier, instance.design)
    lines = network_cards(network, x0, noise, noise_step, chosen)
    return to_pyspice(network, lines, preamble(network, chosen, initial_voltages(x0, len(network.outputs))))


def network_cards(
    network: Network,
    x0: Sequence[float] | Float[np.ndarray, " n"] | None = None,
    noise: NoiseForm = "spectral",
    noise_step: float | None = None,
    amplifier: AmplifierSubcircuit | None = None,
    release: float | None = None,
) -> list[Card]:
    """Cards of a network from initial cell voltages x0 [V].

    With an amplifier each macro-model becomes its subcircuit; with a `release` time [s] the cells are held at x0 in
    the operating point that a transient starts from.

    Raises:
        NetlistError: as `build`; x0 has another length; seeded noise without a positive step.
    """
    v0 = initial_voltages(x0, len(network.outputs))
    step = number(noise_step or 0.0, "noise_step")
    if noise == "seeded" and step <= 0:
        raise NetlistError(f"noise_step: seeded noise needs a positive time, got {noise_step!r}")
    if amplifier is None:
        return cards(network, v0, noise, step)
    check_fits(network, amplifier)
    held = () if release is None else hold_cards(network, v0, release)
    return [*cards(network, v0, noise, step, amplifier.name), *held]


def initial_voltages(x0: Sequence[float] | Float[np.ndarray, " n"] | None, n: int) -> Float[np.ndarray, " n"]:
    """Initial voltages of n cells [V]; zeros for None."""
    if x0 is None:
        return np.zeros(n)
    v0 = np.asarray(x0, dtype=np.float64)
    if v0.shape != (n,) or not np.isfinite(v0).all():
        raise NetlistError(f"x0: expected {n} finite voltages, one for each cell, got shape {v0.shape}")
    return v0


def to_text(network: Network, lines: Iterable[Card], preamble: str = "") -> str:
    """What `str` of the PySpice circuit gives, in a tenth of the time."""
    return "\n".join((f".title {TITLE}", _conditions(network) + preamble, *map(str, lines), ""))


def to_pyspice(network: Network, lines: Iterable[Card], preamble: str = "") -> "Circuit":
    """The PySpice circuit of the cards."""
    with warnings.catch_warnings():
        # PySpice's sources have escape sequences that newer Pythons warn of when they compile them.
        warnings.simplefilter("ignore")
        from PySpice.Spice.Netlist import Circuit
    circuit = Circuit(TITLE)
    circuit.raw_spice += _conditions(network) + preamble + "\n"
    for card in lines:
        _add(circuit, card)
    return circuit


def _conditions(network: Network) -> str:
    celsius = number(network.temperature, "temperature") - _CELSIUS
    # Without `tnom`: models keep that of their file, or 27 degrees Celsius, and follow the chip's temperature.
    return f".options temp={celsius!r}"


def _add(circuit: Any, card: Card) -> None:
    # Sources take their value as text: PySpice would write units, which new versions of ngspice read as prefixes.
    match card.kind:
        case ".model":
            circuit.raw_spice += f"{card}\n"
        case "R" if isinstance(card.value, str):
            circuit.R(card.name, *card.nodes, raw_spice=card.value)
        case "R":
            circuit.R(card.name, *card.nodes, card.value)
        case "C" | "L":
            getattr(circuit, card.kind)(card.name, *card.nodes, card.value, initial_condition=card.initial)
        case "V" | "I":
            getattr(circuit, card.kind)(card.name, *card.nodes, raw_spice=card.value)
        case "G":
            circuit.VCCS(card.name, *card.nodes, transconductance=card.value)
        case "E":
            circuit.VCVS(card.name, *card.nodes, voltage_gain=card.value)
        case "X":
            circuit.X(card.name, card.value, *card.nodes)
        case "B":
            circuit.B(card.name, *card.nodes, current_expression=card.value)
