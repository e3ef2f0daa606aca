"""Test benches: decks around one amplifier, each run in ngspice, each result as plain arrays.

In every bench but the follower's the plus input is at the signal ground, and a noiseless unit source feeds the output
plus the stimulus back to the minus input. The operating point is then that of a closed loop, while
`-v(out)/v(minus)` is the open-loop gain: without a bridge of huge inductors, and without common-mode voltage.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from .._exceptions import NetlistError, SimulationFailed
from ..cards import number
from ..simulators import DEFAULT_TOLERANCE, Expected, Limits, Ngspice, Plot, Tolerance, judge, options, run_deck
from ..timing import Grid
from ._subcircuit import AmplifierCircuit, AmplifierSubcircuit, Deviations, nodesets

_CELSIUS = 273.15
_LIMITS = Limits(timeout=120.0)

_AMPLIFIERS_PER_DECK = 25
"""ngspice's matrix ordering grows faster than the circuit."""

_STEP_TOLERANCE = Tolerance(relative=1e-4, voltage=1e-6)
"""Of the step, whose slope is wanted to 1 %."""


@dataclass(frozen=True, slots=True)
class Load:
    """The load from the output to the signal ground: resistance [ohm] (None: no resistor) and capacitance [F].

    Raises:
        NetlistError: a value that is not positive.
    """

    resistance: float | None = 50e3
    capacitance: float = 2e-12

    def __post_init__(self) -> None:
        for name, value in (("resistance", self.resistance), ("capacitance", self.capacitance)):
            if value is not None and not number(value, f"load {name}") > 0:
                raise NetlistError(f"load {name}: expected a positive value, got {value!r}")

    @property
    def conductance(self) -> float:
        """Conductance of the resistor [S]."""
        return 0.0 if self.resistance is None else 1 / self.resistance


NOMINAL_LOAD = Load()
"""50 kOhm and 2 pF."""


@dataclass(frozen=True)
class Bench:
    """An amplifier with its load at a temperature [K], on one simulator."""

    amplifier: AmplifierSubcircuit
    load: Load
    temperature: float
    ngspice: Ngspice

    def operating_point(self) -> tuple[float, float]:
        """Systematic input offset [V], as `OpAmpModel.offset`, and supply current [A]."""
        plot = self._run((*_inverting("", 0.0), *self._amplifier("")), ("v(out)", "i(vts_vdd)"), ".op", _OP)
        # The closed loop holds the minus input, and with it the output, at the offset.
        return float(plot["v(out)"][0].real), -float(plot["i(vts_vdd)"][0].real)

    def input_current(self) -> float:
        """Current that flows into the minus input at the operating point of the inverting bench [A]."""
        saved = ("i(ets_fb)",)
        plot = self._run(
            (*_inverting("", 0.0), *self._amplifier("")), saved, ".op", Expected("Operating Point", saved, (1,))
        )
        return -float(plot[saved[0]][0].real)

    def input_admittance(self, frequency: float) -> complex:
        """Admittance of the minus input to ground at a frequency [Hz], while the output holds still [S]."""
        # The output is held by a source, so that no gain multiplies what lies between it and the input.
        lines = (*_inverting("", 0.0), *self._amplifier(""), "Vts_m ts_m 0 dc 0.0 ac 1.0")
        lines = tuple(line.replace("Ets_fb minus ts_in out 0", "Ets_fb minus ts_m out ts_hold") for line in lines)
        hold = "Rts_hold out ts_hold 1.0", "Cts_hold ts_hold 0 1.0"
        saved = ("i(ets_fb)", "v(minus)")
        analysis = f".ac lin 1 {frequency!r} {frequency!r}"
        plot = self._run((*lines, *hold), saved, analysis, Expected("AC Analysis", saved, (1,)))
        return complex(-plot["i(ets_fb)"][0] / plot["v(minus)"][0])

    def response(
        self, grid: Grid
    ) -> tuple[Float[np.ndarray, " rows"], Complex[np.ndarray, " rows"], Complex[np.ndarray, " rows"]]:
        """Frequencies [Hz], open-loop gain with the load, and open-loop output impedance without it [ohm]."""
        lines = (
            *_inverting("a", 1.0),
            *self._amplifier("a"),
            *_inverting("b", 0.0),
            *self._amplifier("b"),
            "Its_b 0 outb dc 0.0 ac 1.0",
        )
        saved = ("v(outa)", "v(minusa)", "v(outb)")
        analysis = f".ac dec {grid.density} {float(grid.start)!r} {float(grid.stop)!r}"
        plot = self._run(lines, saved, analysis, Expected("AC Analysis", saved, (grid.rows,)))
        gain = -plot["v(outa)"] / plot["v(minusa)"]
        # A loop of gain A around an impedance Z makes it Z/(1 + A) (Blackman).
        loaded = plot["v(outb)"] * (1 + gain)
        load = self.load.conductance + 2j * np.pi * plot.scale * self.load.capacitance
        return plot.scale, gain, loaded / (1 - loaded * load)

    def noise(
        self, grid: Grid, resistance: float | None = None
    ) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
        """Frequencies [Hz] and one-sided input noise density [V^2/Hz], with a resistance without noise [ohm] in series
        with the minus input where one is given."""
        lines = (*_inverting("", 1.0), *self._amplifier(""))
        if resistance is not None:
            series = f"Gts_series ts_m minus ts_m minus {1 / resistance!r}"
            lines = (*(line.replace("Ets_fb minus ", "Ets_fb ts_m ") for line in lines), series)
        analysis = f".noise v(out) Vts_in dec {grid.density} {float(grid.start)!r} {float(grid.stop)!r}"
        expected = Expected("Noise Spectral Density Curves", ("inoise_spectrum",), (grid.rows,))
        plot = self._run(lines, ("inoise_spectrum", "inoise_total"), analysis, expected)
        return plot.scale, plot["inoise_spectrum"].real ** 2

    def transfer(self, follower: bool, step: float = 5e-3) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """Input [V] swept over the supplies, and output [V]: of the follower, else of the inverting bench."""
        reach = max(self.amplifier.vdd, -self.amplifier.vss)
        points = int(np.ceil(reach / step)) + 1
        lines = ["Vts_in ts_sweep 0 dc 0.0"]
        for suffix, sign in (("a", 1.0), ("b", -1.0)):
            # Both sweeps begin at the middle, where the operating point is easily found.
            lines += _follower(suffix) if follower else _inverting(suffix, None)
            lines += [f"Ets_in{suffix} ts_in{suffix} 0 ts_sweep 0 {sign!r}", *self._amplifier(suffix)]
        saved = ("v(outa)", "v(outb)")
        analysis = f".dc Vts_in 0.0 {(points - 0.75) * step!r} {step!r}"
        plot = self._run(lines, saved, analysis, Expected("DC transfer characteristic", saved, (points,)))
        up, down = (plot[name].real for name in saved)
        v_in = step * np.arange(points)
        v_in = np.concatenate([-v_in[:0:-1], v_in])
        out = np.concatenate([down[:0:-1], up])
        inside = (v_in > self.amplifier.vss - step / 4) & (v_in < self.amplifier.vdd + step / 4)
        return v_in[inside], out[inside]

    def step(
        self, amplitude: float, duration: float, points: int = 100
    ) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k 2"]]:
        """Times from the step [s] and two outputs [V], one rises from -amplitude to amplitude, one falls."""
        edge = duration / 1000
        lines: list[str] = []
        for suffix, v in (("a", amplitude), ("b", -amplitude)):
            # From rest to one side first; the step itself comes after the first half.
            wave = f"pwl(0 0 {edge!r} {v!r} {duration!r} {v!r} {duration + edge!r} {-v!r})"
            lines += (*_inverting(suffix, 0.0, wave), *self._amplifier(suffix))
        saved = ("v(outa)", "v(outb)")
        analysis = f".tran {edge!r} {2 * duration!r} 0 {duration / points!r}"
        expected = Expected("Transient Analysis", saved, last=2 * duration)
        plot = self._run(lines, saved, analysis, expected, tolerance=_STEP_TOLERANCE)
        late = plot.scale >= duration
        return plot.scale[late] - duration, np.column_stack([plot[name].real[late] for name in saved])

    def offsets(self, circuit: AmplifierCircuit, drawn: Sequence[Deviations]) -> Float[np.ndarray, " samples"]:
        """Input offset of each of the amplifiers whose mismatch was drawn [V]."""
        parts = [drawn[k : k + _AMPLIFIERS_PER_DECK] for k in range(0, len(drawn), _AMPLIFIERS_PER_DECK)]
        return np.concatenate([self._some_offsets(circuit, part) for part in parts])

    def _some_offsets(self, circuit: AmplifierCircuit, drawn: Sequence[Deviations]) -> Float[np.ndarray, " samples"]:
        lines = [circuit.models()]
        for k, deviations in enumerate(drawn):
            lines.append(circuit.subcircuit(f"{circuit.name}_{k}", deviations))
            lines += (*_inverting(str(k), 0.0), *self._amplifier(str(k), f"{circuit.name}_{k}"))
        saved = tuple(f"v(out{k})" for k in range(len(drawn)))
        plot = self._run(lines, saved, ".op", Expected("Operating Point", saved, (1,)), define=False)
        return np.array([plot[name][0].real for name in saved])

    def _amplifier(self, suffix: str, name: str | None = None) -> Iterable[str]:
        yield f"Xts_{suffix} plus{suffix} minus{suffix} out{suffix} ts_vdd ts_vss {name or self.amplifier.name}"
        if self.load.resistance is not None:
            # A controlled source has no noise.
            yield f"Gts_l{suffix} out{suffix} 0 out{suffix} 0 {float(self.load.conductance)!r}"
        yield f"Cts_l{suffix} out{suffix} 0 {float(self.load.capacitance)!r}"
        yield nodesets(self.amplifier, f"xts_{suffix}")
        yield f".nodeset v(out{suffix})=0.0 v(minus{suffix})=0.0"

    def _run(
        self,
        lines: Iterable[str],
        saved: Sequence[str],
        analysis: str,
        expected: Expected,
        define: bool = True,
        tolerance: Tolerance = DEFAULT_TOLERANCE,
    ) -> Plot:
        text = "\n".join(
            (
                ".title thermospice amplifier",
                f".options temp={self.temperature - _CELSIUS!r}",
                options(klu=False, tolerance=tolerance).rstrip(),
                supplies(self.amplifier),
                self.amplifier.definition() if define else "",
                *lines,
                f".save {' '.join(saved)}",
                analysis,
                ".end",
                "",
            )
        )
        run = run_deck(text, self.ngspice, _LIMITS)
        plots, _ = judge(run, expected)
        if ignored := _IGNORED.search(run.log):
            raise SimulationFailed(
                f"amplifier {self.amplifier.name}: a model has the parameter {ignored[1]}, which ngspice does not know"
                " and would ignore; expected models of ngspice's kinds"
            )
        return plots[0]


_IGNORED = re.compile(r"unrecognized parameter \((\w+)\) - ignored", re.IGNORECASE)
_OP = Expected("Operating Point", ("v(out)", "i(vts_vdd)"), (1,))


def supplies(amplifier: AmplifierSubcircuit) -> str:
    """The two supplies, as text."""
    return f"Vts_vdd ts_vdd 0 dc {float(amplifier.vdd)!r}\nVts_vss ts_vss 0 dc {float(amplifier.vss)!r}"


def _inverting(suffix: str, ac: float | None, wave: str = "") -> tuple[str, ...]:
    """With a stimulus of its own, unless `ac` is None."""
    stimulus = () if ac is None else (f"Vts_in{suffix} ts_in{suffix} 0 dc 0.0 ac {ac!r} {wave}",)
    return (
        *stimulus,
        f"Ets_fb{suffix} minus{suffix} ts_in{suffix} out{suffix} 0 1.0",
        f"Vts_p{suffix} plus{suffix} 0 dc 0.0",
    )


def _follower(suffix: str) -> tuple[str, ...]:
    return f"Ets_fb{suffix} minus{suffix} 0 out{suffix} 0 1.0", f"Vts_p{suffix} plus{suffix} ts_in{suffix} dc 0.0"
