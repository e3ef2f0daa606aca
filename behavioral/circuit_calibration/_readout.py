"""What a bench adds to a circuit of one's own: each kind of unknown can be switched on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from ...measurements import MeasurementError

# In words, and the unit of the values; "" is relative.
READOUTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "trigger-delay": ("the sources step so long after the record's time zero", "s"),
        "readout-gain": ("of each output's readout, relative", ""),
        "readout-offset": ("of each output's readout", "V"),
        "baseline": ("of each output in each transient", "V"),
        "drift": ("of each output's baseline from the begin of a transient to its end", "V"),
        "hum": ("of each output in each transient: its cosine and its sine at the record's time zero", "V"),
        "cell-noise": ("factor on the densities of each output's noise, less one", ""),
    }
)
"""Unknowns of a bench that a circuit of one's own can have."""

_GAIN = 0.02
"""Prior standard deviation of a readout's gain: probes without a calibration of their own."""

_VOLTS = 0.05
"""The same of offsets, baselines, drifts and hum, as a part of the largest reading."""

_NOISE = 0.5
"""The same of the logarithm of a factor on densities."""

_DELAY = 0.2
"""The same of the trigger's delay, as a part of what a transient shows: the slower of its time constants, or a half of
its length."""


def check_readouts(names: Iterable[str]) -> tuple[str, ...]:
    """Names of unknowns in the order of `READOUTS`, each once.

    Raises:
        MeasurementError: an unknown name.
    """
    wanted = [name.strip().replace("_", "-") for name in names]
    for name in wanted:
        if name in ("leak", "stray-capacitance"):
            what = "a resistor" if name == "leak" else "a capacitor"
            raise MeasurementError(f"unknown: {name}: put {what} where it is into the netlist, and give it a tolerance")
        if name not in READOUTS:
            raise MeasurementError(f"unknown: expected some of {', '.join(READOUTS)}, got {name!r}")
    return tuple(name for name in READOUTS if name in wanted)


@dataclass(frozen=True, eq=False)
class Readout:
    """What stands between a circuit's outputs and one record of them; arrays by output."""

    gain: Float[np.ndarray, " n"]
    offset: Float[np.ndarray, " n"]
    drift: Float[np.ndarray, " n"]
    cosine: Float[np.ndarray, " n"]
    sine: Float[np.ndarray, " n"]
    noise: Float[np.ndarray, " n"]
    """Factors on densities."""
    mains: float
    """[Hz]; zero without hum."""

    @classmethod
    def ideal(cls, n: int) -> "Readout":
        """The readout of a bench that adds nothing."""
        one = np.ones(n)
        zero = np.zeros(n)
        return cls(one, zero, zero, zero, zero, one, 0.0)


@dataclass(frozen=True, eq=False)
class Readouts:
    """The unknowns of all records by their index into u, each N(0, 1) a priori."""

    labels: tuple[str, ...]
    volts: float
    """Prior standard deviation of a voltage [V]."""
    delay: float
    """The same of the trigger's delay [s]."""
    mains: float
    names: tuple[str, ...] = ()
    places: tuple[tuple[str, int, int], ...] = ()
    """Kind, record and output of each unknown; -1 is all of them."""

    @classmethod
    def of(
        cls,
        kinds: Sequence[str],
        labels: Sequence[str],
        records: Sequence[tuple[str, str, tuple[int, ...]]],
        volts: float,
        delay: float,
        mains: float,
    ) -> "Readouts":
        """The readouts of records: file, kind and outputs of each."""
        places: list[tuple[str, int, int]] = []
        names: list[str] = []
        shown = sorted({output for _, _, outputs in records for output in outputs})
        seen = {kind for _, kind, _ in records}
        for kind in kinds:
            if kind == "trigger-delay" and "tran" in seen:
                places = [*places, (kind, -1, -1)]
                names = [*names, "trigger_delay"]
            for output in shown if _seen(kind, seen) else ():
                places.append((kind, -1, output))
                names.append(f"{kind.replace('-', '_')}[{labels[output]}]")
            for k, (file, what, outputs) in enumerate(records):
                for part in _PARTS.get(kind, ()) if what == "tran" else ():
                    places += [(part, k, output) for output in outputs]
                    names += [f"{part}[{file},{labels[output]}]" for output in outputs]
        return cls(tuple(labels), volts, delay, mains, tuple(names), tuple(places))

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.names)

    def spread(self, k: int) -> float:
        """Prior standard deviation of an unknown, in the unit of `READOUTS`."""
        kind = self.places[k][0]
        known = {"trigger-delay": self.delay, "readout-gain": _GAIN, "cell-noise": _NOISE}
        return known.get(kind, self.volts)

    def unit(self, k: int) -> str:
        """Unit of an unknown."""
        kind = self.places[k][0]
        return READOUTS.get(kind, READOUTS["hum"])[1]

    def time_zero(self, u: Float[np.ndarray, " p"]) -> float:
        """When the sources step, on the record's clock [s]."""
        return sum(float(self.delay * u[k]) for k, (kind, _, _) in enumerate(self.places) if kind == "trigger-delay")

    def concerns(self, k: int, record: int) -> bool:
        """Whether an unknown acts on a record."""
        return self.places[k][1] in (-1, record)

    def at(self, u: Float[np.ndarray, " p"], record: int) -> Readout:
        """The readout of a record."""
        n = len(self.labels)
        values = {part: np.zeros(n) for part in _ADDED}
        noise = np.ones(n)
        for k, (kind, mine, output) in enumerate(self.places):
            if mine not in (-1, record) or kind == "trigger-delay":
                continue
            if kind == "cell-noise":
                noise[output] = float(np.exp(_NOISE * u[k]))
            else:
                values[_ADDED_TO.get(kind, kind)][output] += self.spread(k) * u[k]
        return Readout(
            gain=1 + values["readout-gain"],
            offset=values["readout-offset"],
            drift=values["drift"],
            cosine=values["hum_cosine"],
            sine=values["hum_sine"],
            noise=noise,
            mains=self.mains,
        )

    def estimates(self, u: Float[np.ndarray, " p"], sd: Float[np.ndarray, " p"]) -> dict[str, tuple[float, float]]:
        """Values with their standard errors, by name, in the units of `READOUTS`."""
        found = {}
        for k, name in enumerate(self.names):
            spread = self.spread(k)
            if self.places[k][0] == "cell-noise":
                factor = float(np.exp(spread * u[k]))
                found[name] = (factor - 1, factor * spread * float(sd[k]))
            else:
                found[name] = (spread * float(u[k]), spread * float(sd[k]))
        return found


_PARTS: Mapping[str, tuple[str, ...]] = {
    "baseline": ("baseline",),
    "drift": ("drift",),
    "hum": ("hum_cosine", "hum_sine"),
}
_ADDED = ("readout-gain", "readout-offset", "drift", "hum_cosine", "hum_sine")
_ADDED_TO = {"baseline": "readout-offset"}


def _seen(kind: str, analyses: set[str]) -> bool:
    """Whether records of these analyses show an unknown of all records."""
    by_kind = {
        "readout-gain": {"op", "tran", "ac", "noise", "cross", "covariance"},
        "readout-offset": {"op", "tran"},
        "cell-noise": {"noise", "cross", "covariance"},
    }
    return bool(by_kind.get(kind, set()) & analyses)


def volts_of(readings: Sequence[Float[np.ndarray, "..."]]) -> float:
    """The prior of a voltage by the readings [V]."""
    return _VOLTS * max((float(np.abs(one).max(initial=0.0)) for one in readings), default=1.0)


def delay_of(slowest: float, longest: float) -> float:
    """The prior of a delay [s] by the slowest time constant and the longest transient."""
    return _DELAY * (min(slowest, longest / 2) if slowest > 0 else longest / 2)
