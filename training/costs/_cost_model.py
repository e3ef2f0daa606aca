"""Time and energy of one iteration of the hybrid loop, part by part."""

from dataclasses import dataclass, fields
from typing import Literal, Protocol, runtime_checkable


@runtime_checkable
class Supplied(Protocol):
    """What a population tells about time and power."""

    @property
    def tau(self) -> float: ...  # [s]
    @property
    def supply_power(self) -> float: ...  # [W per cell]
    @property
    def dac_bits(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Seconds, or joules, of one iteration; None where the model has no number for it.

    digital: gradient and factors, or the whole step of a digital rival. loading: the arrays' resistors. drive: the
    gradient to the DACs. relaxation: the analog time. readout: the solution from the ADCs.
    """

    digital: float | None = None
    loading: float | None = None
    drive: float | None = None
    relaxation: float | None = None
    readout: float | None = None

    @property
    def total(self) -> float:
        """Sum of the parts that are known."""
        return sum(self.as_dict().values())

    def as_dict(self) -> dict[str, float]:
        """The parts that are known, by name."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: float(value) for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class CostModel:
    """Timing model of Donatella et al. (2024), "Thermodynamic natural gradient descent", with energies beside it.

    A cascade of N cells and r rows has `r (r + 2 N)` resistors; each iteration sends that many numbers of `bits` over a
    link of `link_rate` before it may relax for `t tau`, and N numbers each way for the drive and the solution. With the
    published values, r = 640 and N = 10,000: 4.2 ms of loading against 50 us of relaxation at t = 50.

    `arrays="crossbar"`: one array of N x N resistors that holds the whole matrix, and N amplifiers.

    tau [s], link_rate [bit/s]. link_energy [J/bit], cell_power [W per amplifier, N + 2 r of them in a cascade, on while
    loading and relaxing], digital_power [W]: None where unknown; the energies that need them are then absent.
    """

    tau: float = 1e-6
    bits: int = 16
    link_rate: float = 50e9
    link_energy: float | None = None
    cell_power: float | None = None
    digital_power: float | None = None
    arrays: Literal["cascade", "crossbar"] = "cascade"

    def __post_init__(self) -> None:
        for name in ("tau", "bits", "link_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"CostModel: expected {name} > 0, got {getattr(self, name)}")

    @classmethod
    def of(cls, population: Supplied, link_rate: float = 50e9, digital_power: float | None = None) -> "CostModel":
        """The costs with a device's own time constant, converters (16 bits where they are ideal) and supply power."""
        power = population.supply_power or None
        bits = population.dac_bits or 16
        return cls(population.tau, bits, link_rate, cell_power=power, digital_power=digital_power)

    def time(self, r: int, N: int, analog_time: float, digital: float | None = None, runs: int = 1) -> Parts:
        """Seconds of an analog iteration. analog_time [tau] of all `runs` of the device; `digital` [s] measured."""
        vector = N * self.bits / self.link_rate
        return Parts(
            digital=digital,
            loading=self._loaded_bits(r, N) / self.link_rate,
            drive=runs * vector,
            relaxation=analog_time * self.tau,
            readout=runs * vector,
        )

    def energy(
        self,
        r: int,
        N: int,
        analog_time: float,
        digital: float | None = None,
        runs: int = 1,
        array_power: float | None = None,
    ) -> Parts:
        """Joules of an analog iteration: link, static supply of the amplifiers, digital side, the arrays' resistors.

        array_power [W]: of the settled arrays (`DeviceSPU`'s stat); a cold start burns less until it has settled.
        """
        time = self.time(r, N, analog_time, digital, runs)
        supply = None if self.cell_power is None else self.cell_power * self._amplifiers(r, N)
        vector = None if self.link_energy is None else runs * N * self.bits * self.link_energy
        link = None if self.link_energy is None else self._loaded_bits(r, N) * self.link_energy
        return Parts(
            digital=_product(self.digital_power, digital),
            loading=_sum(link, _product(supply, time.loading)),
            drive=vector,
            relaxation=_product(_sum(supply, array_power), time.relaxation),
            readout=vector,
        )

    def digital_energy(self, seconds: float) -> Parts:
        """Joules of a digital rival; empty without `digital_power`."""
        return Parts(digital=_product(self.digital_power, seconds))

    def _loaded_bits(self, r: int, N: int) -> int:
        return self.bits * (N * N if self.arrays == "crossbar" else r * (r + 2 * N))

    def _amplifiers(self, r: int, N: int) -> int:
        return N if self.arrays == "crossbar" else N + 2 * r


def _product(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a * b


def _sum(a: float | None, b: float | None) -> float | None:
    known = [value for value in (a, b) if value is not None]
    return sum(known) if known else None
