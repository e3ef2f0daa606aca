"""What a device solver must know about the chips that it stands for."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from ....behavioral import DeviceModel, Population


@runtime_checkable
class PopulationLike(Protocol):
    """Statistics of a kind of chip; `thermospice.behavioral.Population` is one."""

    @property
    def conductance_sigma(self) -> float: ...  # relative
    @property
    def capacitor_sigma(self) -> float: ...  # relative
    @property
    def offset_mean(self) -> float: ...  # [V]
    @property
    def offset_sigma(self) -> float: ...  # [V]
    @property
    def inverter_sigma(self) -> float: ...  # relative
    @property
    def gain(self) -> float: ...  # [V/V]
    @property
    def gain_bandwidth(self) -> float: ...  # [Hz]
    @property
    def tau(self) -> float: ...  # [s]
    @property
    def kappa0(self) -> float: ...  # [V^2]
    @property
    def full_scale(self) -> float: ...  # [V]
    @property
    def dac_bits(self) -> int | None: ...
    @property
    def adc_bits(self) -> int | None: ...


@runtime_checkable
class Ohmic(Protocol):
    """A population that knows its unit resistor."""

    @property
    def R0(self) -> float: ...  # [ohm]


@runtime_checkable
class ProgrammingLike(Protocol):
    """How finely and how far a conductance can be set, such as `thermospice.circuits.Programming`."""

    @property
    def bits(self) -> int | None: ...
    @property
    def full_scale(self) -> float | None: ...  # [1/R0]
    @property
    def switch_resistance(self) -> float: ...  # [ohm]


@runtime_checkable
class Programmed(Protocol):
    """A population that knows the grid of its conductances; without it they are exact."""

    @property
    def programming(self) -> ProgrammingLike: ...


@runtime_checkable
class NoiseLike(Protocol):
    """Parts of kappa0, as `thermospice.behavioral.NoiseSources` has them."""

    @property
    def thermal(self) -> float: ...
    @property
    def voltage(self) -> float: ...
    @property
    def white_voltage(self) -> float: ...
    @property
    def current(self) -> float: ...
    @property
    def injected(self) -> float: ...
    @property
    def rails(self) -> bool: ...


@runtime_checkable
class ElectronicsLike(Protocol):
    """What every chip of a design has, as `thermospice.behavioral.Electronics` does."""

    @property
    def noise(self) -> NoiseLike: ...
    @property
    def rail_low(self) -> float: ...  # [V]
    @property
    def rail_high(self) -> float: ...  # [V]
    @property
    def slew(self) -> float: ...  # [V/s]
    @property
    def output_resistance(self) -> float: ...  # [R0]
    @property
    def load_capacitance(self) -> float: ...  # [tau/R0]
    @property
    def offset(self) -> float: ...  # [V]
    @property
    def bias(self) -> float: ...  # [V]
    @property
    def slowness(self) -> float: ...


@runtime_checkable
class HasElectronics(Protocol):
    """A population that knows its amplifiers; without it they have no limits, and every cell and stage noise kappa0."""

    @property
    def electronics(self) -> ElectronicsLike | None: ...


@runtime_checkable
class Measured(Protocol):
    """A population that knows on how many cells it was measured; None where it is a design's."""

    @property
    def measured_cells(self) -> int | None: ...


def electronics_of(population: PopulationLike) -> ElectronicsLike | None:
    return population.electronics if isinstance(population, HasElectronics) else None


def measured_cells(population: PopulationLike) -> int | None:
    return population.measured_cells if isinstance(population, Measured) else None


@runtime_checkable
class HasPopulation(Protocol):
    """The model of a process, such as `thermospice.behavioral.PopulationModel`."""

    def population(self) -> PopulationLike: ...


@runtime_checkable
class InstanceLike(Protocol):
    """One chip, such as `thermospice.circuits.Instance`: deviations by name."""

    @property
    def errors(self) -> Mapping[str, Float[np.ndarray, "..."]]: ...


@runtime_checkable
class HasInstance(Protocol):
    """A model of one chip."""

    @property
    def instance(self) -> InstanceLike: ...


DeviceLike = PopulationLike | HasPopulation | HasInstance
"""What a device can be made from: spreads of chips, the model of a process, or the model of one chip."""


def population_of(model: DeviceLike) -> PopulationLike:
    """Spreads of the chips that a device may be one of."""
    if isinstance(model, PopulationLike):
        return model
    if isinstance(model, HasPopulation):
        return model.population()
    from ....behavioral import DeviceModel  # the circuit side, for those who train with it

    if not isinstance(model, DeviceModel):
        raise TypeError(f"expected the model of a chip, got {type(model).__name__}")
    return _estimated(model)


@lru_cache(maxsize=4)
def _estimated(model: "DeviceModel") -> "Population":
    # A solver asks at every load and every readout, and the noise of a large chip takes a second to work out.
    from ....behavioral import Population

    return Population.estimate([model])
