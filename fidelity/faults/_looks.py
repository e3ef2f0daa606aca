"""What a chip is measured by so that a fault of any element shows: settings of the chip, and looks at each of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from ...behavioral import Response
from ...circuits import Level, Network, Program, Scaling, state_space
from ...circuits.networks import Element, OpAmp
from ...netlists import SimulationFailed, find_ngspice
from ...netlists.amplifiers import AmplifierSubcircuit
from ...netlists.decks import network_circuit
from ...netlists.simulators import Limits, Plot, read_raw, run_deck
from ._rails import within_rails

Kind = Literal["op", "ac", "noise", "tran"]

# ngspice takes so many steps at least in the whole of a waveform, which is looked at 200 times.
_WAVEFORM_STEPS = 2000

# A sound circuit takes a tenth of a second; one with a fault may well have no answer.
_PATIENCE = Limits(timeout=60.0)

# The model takes so many steps in an amplifier's time constant 1/(2 pi GBW), where rails and slew
# rates hold, and more where these are too few for a circuit.
STEPS = 40
_MOST_DOUBLINGS = 4

# So much of the times of a waveform tells whether they are too few: a stage meets its limit at the
# start, and in the step in which it does the model goes on as if it had none.
_BEGINNING = 20


@dataclass(frozen=True, slots=True)
class Look:
    """One analysis of a circuit in a setting, and how far a right circuit may be from its model."""

    analysis: Kind
    limit: float
    """Of `distance`."""
    start: float = 0.0
    """First frequency [Hz]."""
    stop: float = 0.0
    """Last frequency [Hz], or end of the waveform [s]."""
    density: int = 5
    """Frequencies in a decade."""

    @property
    def frequencies(self) -> np.ndarray:
        """Frequencies at which the densities and responses are taken [Hz]; ngspice's grid of `dec`."""
        rows = math.floor(self.density * math.log10(self.stop / self.start)) + 1
        return np.asarray(self.start * 10 ** (np.arange(rows) / self.density))

    def sweep(self, more: int = 0) -> str:
        """ngspice's words for these frequencies, and for some more beyond."""
        last = self.start * 10 ** ((len(self.frequencies) - 1 + more) / self.density)
        # ngspice stretches its grid to end there: by what rounding cannot reach.
        return f"dec {self.density} {float(self.start)!r} {float(last * (1 + 1e-9))!r}"

    @property
    def times(self) -> np.ndarray:
        """Times of a waveform [s]."""
        return np.linspace(0.0, self.stop, 201)[1:]


@dataclass(frozen=True, eq=False)
class Setting:
    """A program on a chip, as a circuit, and what is looked at."""

    name: str
    network: Network
    program: Program
    level: Level
    looks: tuple[Look, ...]
    _right: dict[Look, np.ndarray] = field(default_factory=dict)
    _steps: dict[Look, float] = field(default_factory=dict)

    def right(self, look: Look) -> np.ndarray:
        """What the model says of the right circuit, worked out once, (rows, n)."""
        if look not in self._right:
            self._right[look] = self.expected(self.network, look)
        return self._right[look]

    def expected(self, network: Network, look: Look) -> np.ndarray:
        """What the model says of a circuit in this setting, (rows, n)."""
        match look.analysis:
            case "op":
                return state_space(within_rails(network)).settled[None]
            case "ac":
                return np.asarray(self._response(network).transfer(look.frequencies))
            case "noise":
                return np.asarray(np.sqrt(self._density(network, look.frequencies)))
            case "tran":
                if look not in self._steps:
                    self._steps[look] = self._step(look)
                return _stepped(self._response(network, noise_scale=0.0), look.times, self._steps[look])

    def _step(self, look: Look) -> float:
        """Step of the model [s] of which a quarter would change the right circuit's waveform by less than half a limit.

        A quarter, since the model may take half of a step by itself.
        """
        quiet = self._response(self.network, noise_scale=0.0)
        step = 1 / (2 * math.pi * quiet.amplifiers.bandwidth.max() * STEPS)
        times = look.times[:_BEGINNING]
        rails = np.abs([*quiet.amplifiers.low, *quiet.amplifiers.high]).min()
        for _ in range(_MOST_DOUBLINGS):
            coarse, fine = (_stepped(quiet, times, step / part) for part in (1, 4))
            swing = np.maximum(np.abs(fine).max(axis=0), rails)
            if float(np.max(np.abs(fine - coarse) / swing)) <= look.limit / 2:
                break
            step = step / 2
        return float(step)

    def _response(self, network: Network, noise_scale: float = 1.0) -> Response:
        return Response.of_network(network, self.program, Scaling(), noise_scale, allow_clipping=True)

    def _density(self, network: Network, frequencies: np.ndarray) -> np.ndarray:
        """With 1/f noise as in a deck, without end: white noise `1 + corner/f` times as strong at each frequency."""
        white = self._response(_with_white_noise(network)).psd(frequencies)
        total = white
        for corner in {e.model.noise_corner for e in _amplifiers(network) if e.model is not None} - {0.0}:
            louder = self._response(_with_white_noise(network, louder=corner)).psd(frequencies)
            total = total + (louder - white) * (corner / frequencies)[:, None]
        return np.asarray(total)

    def measured(
        self, network: Network, looks: Sequence[Look], amplifier: AmplifierSubcircuit | None = None
    ) -> dict[Look, np.ndarray]:
        """What ngspice says, all looks in one run.

        Raises:
            SimulationFailed, NetlistError: no result.
        """
        lines = [line for look in looks for line in _lines(look, network)]
        save = " ".join(f"v({node})" for node in network.outputs)
        text = network_circuit(network, self.level, amplifier)
        deck = "\n".join([text.rstrip(), f".save {save} onoise_spectrum onoise_total", *lines, ".end", ""])
        plots = read_raw(run_deck(deck, find_ngspice(), _PATIENCE).raw)
        return {look: _values(look, network, plots) for look in looks}


def _stepped(quiet: Response, times: np.ndarray, step: float) -> np.ndarray:
    """A waveform with rails and slew rates [V]."""
    # A source of noise that draws nothing: the whole waveform is stepped at once.
    return np.asarray(quiet.integrate(times, rng=np.random.default_rng(0), step=step)[0])


def distance(look: Look, found: np.ndarray, expected: np.ndarray) -> float:
    """Largest relative difference: of a waveform by its largest value, of a response by the largest at its frequency,
    of settled voltages by the largest of them, of a density by itself.
    """
    if not np.isfinite(found).all() or not np.isfinite(expected).all():
        return math.inf
    scale = np.abs(expected)
    if look.analysis != "noise":
        scale = scale.max(axis=0 if look.analysis == "tran" else 1, keepdims=True)
    off = np.abs(found - expected)
    # Nothing at all is right where nothing is expected.
    return float(np.max(np.divide(off, scale, out=np.where(off > 0, math.inf, 0.0), where=scale > 0)))


def _amplifiers(network: Network) -> list[OpAmp]:
    return [e for e in network.elements if isinstance(e, OpAmp) and e.model is not None]


def _with_white_noise(network: Network, louder: float | None = None) -> Network:
    """The circuit without 1/f noise; amplifiers with the corner `louder` have twice the density of white noise."""

    def white(e: Element) -> Element:
        if not isinstance(e, OpAmp) or e.model is None:
            return e
        voltage = e.model.noise_voltage * (math.sqrt(2) if e.model.noise_corner == louder else 1.0)
        return replace(e, model=replace(e.model, noise_voltage=voltage, noise_corner=0.0))

    return replace(network, elements=tuple(map(white, network.elements)))


def _lines(look: Look, network: Network) -> list[str]:
    if look.analysis == "op":
        return [".op"]
    if look.analysis == "tran":
        step = look.stop / _WAVEFORM_STEPS
        return [f".tran {step!r} {look.stop!r} 0 {step!r} uic"]
    if look.analysis == "ac":
        return [f".ac {look.sweep()}"]
    source = next(e for e in network.elements if type(e).__name__ in ("VoltageSource", "CurrentSource"))
    name = ("V" if type(source).__name__ == "VoltageSource" else "I") + source.name
    # The first has one frequency more: ngspice may run them in any direction.
    return [f".noise v({node}) {name} {look.sweep(more=k == 0)}" for k, node in enumerate(network.outputs)]


_PLOTS: Mapping[Kind, str] = {
    "op": "Operating Point",
    "ac": "AC Analysis",
    "noise": "Noise Spectral Density Curves",
    "tran": "Transient Analysis",
}


def _values(look: Look, network: Network, plots: Sequence[Plot]) -> np.ndarray:
    mine = [plot for plot in plots if plot.name.startswith(_PLOTS[look.analysis])]
    if len(mine) != (len(network.outputs) if look.analysis == "noise" else 1):
        raise SimulationFailed(f"ngspice gave {len(mine)} plots of {_PLOTS[look.analysis]!r}")
    if look.analysis == "noise":
        return _densities(look, mine)
    (plot,) = mine
    found = np.column_stack([plot[f"v({node})"] for node in network.outputs])
    if look.analysis == "tran":
        _check(math.isclose(plot.scale[-1], look.stop, rel_tol=1e-6), plot)
        return np.column_stack([np.interp(look.times, plot.scale, v.real) for v in found.T])
    _check(len(found) == (len(look.frequencies) if look.analysis == "ac" else 1), plot)
    return found if look.analysis == "ac" else found.real


def _densities(look: Look, plots: Sequence[Plot]) -> np.ndarray:
    rows = len(look.frequencies)
    inorder = plots if len(plots[0].scale) == rows + 1 else plots[::-1]
    for k, plot in enumerate(inorder):
        _check(len(plot.scale) == rows + (k == 0), plot)
    return np.column_stack([plot["onoise_spectrum"].real[:rows] for plot in inorder])


def _check(whole: bool, plot: Plot) -> None:
    if not whole:
        raise SimulationFailed(f"ngspice's {plot.name!r} is not what was asked for")
