"""What a bench adds to a measured chip, as further unknowns of its calibration: each kind can be switched on."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ....circuits import Design, Network
from ....circuits.networks import Parasitics, leak_sites, stray_sites
from ....measurements import MeasurementError
from ..derivatives import Dual

Between = tuple[str, str]

_DECADE = float(np.log(10.0))


@dataclass(frozen=True, slots=True)
class Nuisance:
    """One kind of unknown of a bench.

    Attributes:
        what: in words.
        unit: of its values.
        spread: prior standard deviation by the design; of the logarithm where the value is `typical` a priori.
        typical: a priori; None where that is zero.
    """

    what: str
    unit: str
    spread: Callable[[Design], float]
    typical: Callable[[Design], float] | None = None


NUISANCES: Mapping[str, Nuisance] = MappingProxyType(
    {
        # A record may be shifted by a good part of what it shows.
        "trigger-delay": Nuisance("the step comes so long after the record's time zero", "s", lambda d: 0.2 * d.tau),
        # Converters and buffers without a calibration of their own: 2 % and a thousandth of the range.
        "readout-gain": Nuisance("of each cell's readout, relative", "1", lambda d: 0.02),
        "readout-offset": Nuisance("of each cell's readout", "V", lambda d: 1e-3 * d.converters.full_scale),
        "baseline": Nuisance("of each cell in each record", "V", lambda d: 1e-3 * d.converters.full_scale),
        # From a hundredth to a hundred times a megohm beside a kilohm, and 10 pF beside a nanofarad.
        "leak": Nuisance(
            "across each cell's capacitor and from each open node to ground",
            "S",
            lambda d: _DECADE,
            lambda d: 1e-3 / d.R0,
        ),
        "stray-capacitance": Nuisance(
            "from each open node to ground", "F", lambda d: _DECADE, lambda d: 1e-2 * d.C
        ),
        "cell-noise": Nuisance("factor on the densities of each cell's noise", "1", lambda d: 0.5, lambda d: 1.0),
    }
)  # fmt: skip
"""By name, as `calibrate(..., nuisances=[...])` takes them."""

_PROBE = 1e-6
"""Part of its typical value at which an element that no parameter stands for is tried. It must change nothing: a stray
capacitance of a femtofarad still changes an inverter's noise by a per cent, through its own kT/C, and this one by less
than a simulator errs. (None at all would leave a node without a capacitance.) A tenth of it would leave a fifth of the
score of a capacitance to rounding."""


def check_nuisances(names: Iterable[str]) -> tuple[str, ...]:
    """Names of nuisances in the order of `NUISANCES`, each once.

    Raises:
        MeasurementError: an unknown name.
    """
    wanted = [name.strip().replace("_", "-") for name in ([names] if isinstance(names, str) else names)]
    for name in wanted:
        if name not in NUISANCES:
            raise MeasurementError(f"nuisance: expected some of {', '.join(NUISANCES)}, got {name!r}")
    return tuple(name for name in NUISANCES if name in wanted)


@dataclass(frozen=True, eq=False)
class Bench:
    """Unknowns of a bench by their index into z, each N(0, 1) a priori.

    `probed` are kinds that are not unknown but only tried: their elements are all but absent, and their derivatives
    are those of the value itself in units of the typical one.
    """

    design: Design
    delay: int | None = None
    gain: Mapping[int, int] = field(default_factory=dict)
    offset: Mapping[int, int] = field(default_factory=dict)
    baseline: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """By the record's name and the cell."""
    leak: Mapping[Between, int] = field(default_factory=dict)
    capacitance: Mapping[Between, int] = field(default_factory=dict)
    noise: Mapping[int, int] = field(default_factory=dict)
    probed: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    sigma: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        design: Design,
        cells: int,
        nuisances: Sequence[str],
        probed: Sequence[str],
        networks: Sequence[Network],
        records: Sequence[str],
        first: int,
    ) -> "Bench":
        """With the indices from `first` on; `networks` are the circuits that were measured, `records` their names."""
        bench: dict[str, Any] = {}
        names: list[str] = []
        sigma: list[float] = []
        for kind in (*nuisances, *probed):
            places = _places(kind, cells, networks, records)
            index = {place: first + len(names) + k for k, place in enumerate(places)}
            bench[_FIELDS[kind]] = index[None] if kind == "trigger-delay" else index
            names += [_name(kind, place, records) for place in places]
            sigma += [NUISANCES[kind].spread(design)] * len(places)
        return cls(design, **bench, probed=frozenset(probed), names=tuple(names), sigma=tuple(sigma))

    def with_baselines(self, record: str, cells: int, first: int) -> "Bench":
        """And the baselines of one record, with the indices from `first` on."""
        where = {(record, cell): first + cell for cell in range(cells)}
        names = tuple(_name("baseline", place, [record]) for place in where)
        sigma = (self._spread("baseline"),) * cells
        return replace(self, baseline=where, names=(*self.names, *names), sigma=(*self.sigma, *sigma))

    def unknowns(self, kind: str) -> Int[np.ndarray, " k"]:
        """Indices of a kind's unknowns."""
        where = getattr(self, _FIELDS[kind])
        return np.array([where] if isinstance(where, int) else list((where or {}).values()), dtype=int)

    @property
    def elements(self) -> Int[np.ndarray, " k"]:
        """Indices of leaks and stray capacitances."""
        return np.concatenate([self.unknowns("leak"), self.unknowns("stray-capacitance")])

    def time_zero(self, z: Float[np.ndarray, " p"]) -> float:
        """When the chip starts, on the record's clock [s]."""
        return 0.0 if self.delay is None else float(self._spread("trigger-delay") * z[self.delay])

    @property
    def delay_spread(self) -> float:
        """Prior standard deviation of the trigger's delay [s]."""
        return self._spread("trigger-delay")

    def parasitics(self, z: Float[np.ndarray, " p"], dual: bool = False) -> Parasitics:
        """Elements of the chip at z, their values numbers or dual numbers; without those that are only tried."""

        def values(kind: str, where: Mapping[Any, int]) -> dict[Any, Any]:
            tried_only = kind in self.probed and not dual
            return {} if tried_only else {place: self._value(kind, k, z, dual) for place, k in where.items()}

        return Parasitics(
            leak=values("leak", self.leak),
            capacitance=values("stray-capacitance", self.capacitance),
            noise=values("cell-noise", self.noise),
        )

    def readout(
        self, z: Float[np.ndarray, " p"], record: str, cells: int
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], list[tuple[int, int, float, bool]]]:
        """Gains (n,) and offsets (n,) [V] of a record's readouts, and the unknowns among them: index, cell, slope, and
        whether it is a gain."""
        gain, offset = np.ones(cells), np.zeros(cells)
        unknown: list[tuple[int, int, float, bool]] = []
        for cell, k in self.gain.items():
            slope = self._spread("readout-gain")
            gain[cell] += slope * z[k]
            unknown.append((k, cell, slope, True))
        mine = {cell: k for (name, cell), k in self.baseline.items() if name == record}
        for kind, where in (("readout-offset", self.offset), ("baseline", mine)):
            for cell, k in where.items():
                slope = self._spread(kind)
                offset[cell] += slope * z[k]
                unknown.append((k, cell, slope, False))
        return gain, offset, unknown

    def estimates(
        self, z: Float[np.ndarray, " p"], sd: Float[np.ndarray, " p"], first: int
    ) -> dict[str, tuple[float, float]]:
        """Values with their standard errors, by name, in the units of `NUISANCES`."""
        found: dict[str, tuple[float, float]] = {}
        for k, (name, sigma) in enumerate(zip(self.names, self.sigma, strict=True)):
            kind = NUISANCES[name.split("[")[0].replace("_", "-")]
            if kind.typical is None:
                found[name] = (float(sigma * z[first + k]), float(sigma * sd[first + k]))
            else:
                value = kind.typical(self.design) * float(np.exp(sigma * z[first + k]))
                found[name] = (value, value * float(sigma * sd[first + k]))
        return found

    def mirrored(self) -> dict[int, int]:
        """Unknowns that change places when the rails of a differential mesh do."""
        found = {}
        for where in (self.leak, self.capacitance):
            for place, k in where.items():
                a, b = (_other_rail(node) for node in place)
                found[k] = where.get((a, b), k)
        return found

    def _spread(self, kind: str) -> float:
        return NUISANCES[kind].spread(self.design)

    def _value(self, kind: str, k: int, z: Float[np.ndarray, " p"], dual: bool) -> Any:
        nuisance = NUISANCES[kind]
        assert nuisance.typical is not None
        typical, sigma = nuisance.typical(self.design), nuisance.spread(self.design)
        if kind in self.probed and kind != "cell-noise":
            return Dual.variable(_PROBE * typical, k, typical)
        value = typical * float(np.exp(sigma * z[k]))
        return Dual.variable(value, k, sigma * value) if dual else value


_FIELDS = {
    "trigger-delay": "delay",
    "readout-gain": "gain",
    "readout-offset": "offset",
    "baseline": "baseline",
    "leak": "leak",
    "stray-capacitance": "capacitance",
    "cell-noise": "noise",
}


def _places(kind: str, cells: int, networks: Sequence[Network], records: Sequence[str]) -> list[Any]:
    match kind:
        case "trigger-delay":
            return [None]
        case "baseline":
            return [(record, cell) for record in records for cell in range(cells)]
        case "leak" | "stray-capacitance":
            sites = leak_sites if kind == "leak" else stray_sites
            return list(dict.fromkeys(site for network in networks for site in sites(network)))
        case _:
            return list(range(cells))


def _name(kind: str, place: Any, records: Sequence[str]) -> str:
    name = kind.replace("-", "_")
    match kind:
        case "trigger-delay":
            return name
        case "baseline":
            return f"{name}[{records.index(place[0])},{place[1]}]"
        case "leak" | "stray-capacitance":
            return f"{name}[{','.join(node for node in place if node != '0')}]"
        case _:
            return f"{name}[{place}]"


def _other_rail(node: str) -> str:
    """The node of the other side: `x3p` for `x3m`."""
    sides = {"p": "m", "m": "p"}
    match = re.fullmatch(r"([xy]\d+)([pm])", node)
    return node if match is None else match[1] + sides[match[2]]
