"""What changes in a chip while it trains, and what a recalibration makes good."""

import hashlib
import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import scipy


@runtime_checkable
class DriftingDesign(Protocol):
    """A design that says how its chips drift, such as `thermospice.circuits.Design`."""

    @property
    def temperature(self) -> float: ...  # [K]
    @property
    def drift(self) -> "DriftLike": ...
    @property
    def tempco(self) -> "TempcoLike": ...


@runtime_checkable
class DriftLike(Protocol):
    """Spread [K] and correlation time [s] of the temperature path; exponent and start [s] of the ageing."""

    @property
    def temperature_sigma(self) -> float: ...
    @property
    def temperature_time(self) -> float: ...
    @property
    def ageing_exponent(self) -> float: ...
    @property
    def ageing_time(self) -> float: ...


@runtime_checkable
class TempcoLike(Protocol):
    """Temperature coefficients [1/K], [1/K^2], of offsets [V/K], about a reference [K]."""

    @property
    def reference(self) -> float: ...
    @property
    def resistor_tc1(self) -> float: ...
    @property
    def resistor_tc2(self) -> float: ...
    @property
    def capacitor_tc1(self) -> float: ...
    @property
    def capacitor_tc2(self) -> float: ...
    @property
    def offset_tc(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Aged:
    """A chip's common changes since it was last calibrated.

    programmed: factor on every programmed conductance. rate: on 1/tau. offset [V]: added to every amplifier's.
    """

    programmed: float = 1.0
    rate: float = 1.0
    offset: float = 0.0


NEW = Aged()


@dataclass
class Clock:
    """How many programs a chip has been loaded with."""

    loads: int = 0


@dataclass(frozen=True, slots=True)
class Ageing:
    """A chip that grows older by `step_time` [s] from each load to the next.

    Its temperature is a stationary Ornstein-Uhlenbeck path, exact at the loads and drawn by the chip's seed, so that
    the chip at a load is the same at every asking. Programmed conductances fall as `(time/ageing_time)^-exponent`;
    temperature changes the time constant and the offsets. A change of all resistors alike leaves the solution as it is.

    recalibrate_every: loads after which the digital side measures the common changes and corrects for them; 0: at the
        start alone. Deviations from cell to cell are never corrected.
    temperature [K]: of the design, above the coefficients' reference.
    """

    step_time: float
    recalibrate_every: int = 0
    temperature_sigma: float = 0.0
    temperature_time: float = 100.0
    ageing_exponent: float = 0.0
    ageing_time: float = 1.0
    resistor_tc1: float = 0.0
    resistor_tc2: float = 0.0
    capacitor_tc1: float = 0.0
    capacitor_tc2: float = 0.0
    offset_tc: float = 0.0
    temperature: float = 0.0

    def __post_init__(self) -> None:
        for name in ("step_time", "temperature_sigma", "ageing_exponent"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(f"Ageing: expected {name} finite and >= 0, got {getattr(self, name)}")
        for name in ("temperature_time", "ageing_time"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ValueError(f"Ageing: expected {name} finite and > 0, got {getattr(self, name)}")
        if self.recalibrate_every < 0:
            raise ValueError(f"Ageing: expected recalibrate_every >= 0, got {self.recalibrate_every}")

    @classmethod
    def of(cls, design: DriftingDesign, step_time: float, recalibrate_every: int = 0) -> "Ageing":
        """As the design says."""
        drift = design.drift
        tempco = design.tempco
        return cls(
            step_time,
            recalibrate_every,
            drift.temperature_sigma,
            drift.temperature_time,
            drift.ageing_exponent,
            drift.ageing_time,
            tempco.resistor_tc1,
            tempco.resistor_tc2,
            tempco.capacitor_tc1,
            tempco.capacitor_tc2,
            tempco.offset_tc,
            design.temperature - tempco.reference,
        )

    def at(self, load: int, seed: int) -> Aged:
        """The chip number `seed` at a load, counted from zero, beside itself at its last calibration."""
        last = load - load % self.recalibrate_every if self.recalibrate_every else 0
        path = self._path(load, seed)
        now = float(path[load])
        then = float(path[last])
        return Aged(
            self._programmed(load) / self._programmed(last),
            self._rate(now) / self._rate(then),
            self.offset_tc * (now - then),
        )

    def _programmed(self, load: int) -> float:
        return (max(load * self.step_time, self.ageing_time) / self.ageing_time) ** -self.ageing_exponent

    def _rate(self, warmer: float) -> float:
        dT = self.temperature + warmer
        resistor = 1.0 + self.resistor_tc1 * dT + self.resistor_tc2 * dT * dT
        capacitor = 1.0 + self.capacitor_tc1 * dT + self.capacitor_tc2 * dT * dT
        if not min(resistor, capacitor) > 0.0:
            raise ValueError(
                f"Ageing: expected resistors and capacitors above zero, got {resistor:.3g} and {capacitor:.3g} times"
                f" those of the reference at {dT:.4g} K from it; the temperature coefficients do not reach so far"
            )
        return 1.0 / (resistor * capacitor)

    def _path(self, load: int, seed: int) -> np.ndarray:
        digest = hashlib.blake2b(f"{seed}/temperature".encode(), digest_size=8).digest()
        # the stream of normals is the same however many are asked for
        z = np.random.default_rng(int.from_bytes(digest)).standard_normal(load + 1)
        decay = math.exp(-self.step_time / self.temperature_time)
        z[1:] *= math.sqrt(1.0 - decay * decay)
        return self.temperature_sigma * np.asarray(scipy.signal.lfilter([1.0], [1.0, -decay], z))
