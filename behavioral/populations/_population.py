"""The chips of a process: spreads of their deviations, as training samples them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from ...circuits import Cascade, Program, Programming
from ...circuits.networks import OpAmp
from ..devices import INVERTERS, OFFSETS, DeviceModel, Estimate
from ._electronics import Electronics, amplifier_speed, electronics
from ._noise_strength import noise_strength
from ._population_spreads import estimate_spreads


@dataclass(frozen=True, eq=False)
class Population:
    """Statistics of a kind of device.

    Attributes:
        design: its name.
        tau: R0*C [s].
        R0, C: nominal values [ohm], [F].
        conductance_sigma, capacitor_sigma, inverter_sigma: relative standard deviations.
        offset_mean, offset_sigma: of the amplifiers' input offsets [V].
        gain, gain_bandwidth: of the amplifiers at the design's temperature [V/V], [Hz]; infinite without amplifiers.
        kappa0: white noise strength of an empty cell as slow readouts see it [V^2]; see `noise_strength`.
        full_scale: of the converters [V]; dac_bits, adc_bits: their bits, None is ideal. They convert drives and
            readouts; the bits of the arrays are those of `programming`.
        supply_power: of the amplifiers, for each cell [W]; in a cascade for each cell and each stage.
        standard_errors: of the spreads, by field; zero where the value comes from the design.
        programming: how finely and how far the conductances can be set.
        electronics: what the loaded arrays make of the noise, and the amplifiers' limits; None leaves `kappa0` white
            in every cell and every stage, whatever is loaded.
        measured_cells: cells of the smallest chip that the spreads were measured on; None where they are a design's.
    """

    design: str
    tau: float
    R0: float
    C: float
    conductance_sigma: float
    capacitor_sigma: float
    offset_mean: float
    offset_sigma: float
    inverter_sigma: float
    gain: float
    gain_bandwidth: float
    kappa0: float
    full_scale: float
    dac_bits: int | None
    adc_bits: int | None
    supply_power: float
    standard_errors: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    programming: Programming = field(default_factory=Programming)
    electronics: Electronics | None = None
    measured_cells: int | None = None

    @classmethod
    def estimate(cls, models: Sequence[DeviceModel]) -> "Population":
        """Estimate from one or several models of one design.

        A nominal model stands for its design: its spreads are the design's tolerances. From calibrated models the
        spreads are those of maximum marginal likelihood, over what each chip's measurements say of all its deviations
        together; the tolerance that they were inferred with is taken out again, so that it is not read back as a
        result, right or wrong. Models without their posterior (of earlier versions, or contradicted ones) count by
        their standard errors, one deviation at a time; a posterior is asked of all or of none.

        Raises:
            ValueError: no model, or models of different designs, topologies or levels.
        """
        if not models:
            raise ValueError("Population: expected at least one model, got none")
        kinds = {(m.design.name, m.instance.topology.name, m.level) for m in models}
        if len(kinds) > 1:
            raise ValueError(f"Population: expected models of one design, topology and level, got {sorted(kinds)}")
        measured = [m for m in models if m.provenance.source == "measurements"]
        spreads, errors = _spreads(measured) if measured else (_tolerances(models[0]), {})
        design = models[0].design
        converters = models[0].design.converters
        speeds = [amplifier_speed(m) for m in models]
        kappa0 = _mean([noise_strength(m) for m in models])
        typical = replace(models[0], noise_scale=Estimate(_mean([m.noise_scale.value for m in models])))
        return cls(
            design=design.name,
            tau=design.tau,
            R0=design.R0,
            C=design.C,
            **spreads,
            gain=_mean([gain for gain, _ in speeds]),
            gain_bandwidth=_mean([bandwidth for _, bandwidth in speeds]),
            kappa0=kappa0,
            full_scale=converters.full_scale,
            dac_bits=converters.dac_bits,
            adc_bits=converters.adc_bits,
            supply_power=_supply_power(models[0]),
            standard_errors=MappingProxyType(errors),
            programming=design.programming,
            electronics=electronics(typical, kappa0),
            measured_cells=min((m.n for m in measured), default=None),
        )

    @classmethod
    def corrected(cls, model: DeviceModel) -> "Population":
        """What is left of a chip's deviations when every program makes up for those that a calibration has found.

        The spreads are the root mean square standard errors of the model, by kind. They are taken as independent,
        which overstates them: those of a row share the uncertainty of its capacitor.
        """
        left: dict[str, Any] = {
            kind: _rms([model.standard_errors.get(name) for name in names]) for kind, names in _KINDS.items()
        }
        return replace(cls.estimate([model]), **left, offset_mean=0.0)


def with_spreads(
    population: Population, spreads: Mapping[str, tuple[float, float]], offset: tuple[float, float]
) -> Population:
    """The same kind of device with measured spreads: value and standard error by name of the deviation.

    `offset` is the mean of the amplifiers' offsets, likewise.
    """
    values = {"offset_mean": offset[0]}
    errors = {"offset_mean": offset[1]}
    for kind, names in _KINDS.items():
        known = np.array([spreads[name] for name in names if name in spreads])
        if len(known):
            values[kind], errors[kind] = float(np.sqrt(np.mean(known[:, 0] ** 2))), float(np.max(known[:, 1]))
    update: dict[str, Any] = {**values, "standard_errors": MappingProxyType(errors)}
    return replace(population, **update)


def _rms(arrays: Sequence[Float[np.ndarray, "..."] | None]) -> float:
    values = np.concatenate([np.zeros(0), *(array.ravel() for array in arrays if array is not None)])
    return float(np.sqrt(np.mean(values**2))) if len(values) else 0.0


_INFORMED = 1e-3
"""Deviations of which the data say less than this part of what the tolerance says are left out."""

_STEPS = 200
"""Of expectation-maximisation; the rate is the part of the variance that the data leave open, mostly below 0.1."""

_KINDS: Mapping[str, tuple[str, ...]] = {
    "conductance_sigma": ("conductance", "ground", "drive", "jacobian", "hessian", "transpose", "damping"),
    "capacitor_sigma": ("capacitance",),
    "inverter_sigma": INVERTERS,
    "offset_sigma": OFFSETS,
}


_OF_AMPLIFIERS = ("inverter_sigma", "offset_sigma")
"""Deviations that ideal amplifiers do not have."""


def _tolerances(model: DeviceModel) -> dict[str, float]:
    sigmas = model.instance.topology.error_sigmas(model.design.tolerances)
    ideal = _OF_AMPLIFIERS if model.level == "ideal" else ()
    spreads = {
        kind: 0.0 if kind in ideal else max((sigmas.get(name, 0.0) for name in names), default=0.0)
        for kind, names in _KINDS.items()
    }
    return {**spreads, "offset_mean": 0.0}


def _spreads(models: Sequence[DeviceModel]) -> tuple[dict[str, float], dict[str, float]]:
    posteriors = [model.posterior for model in models if model.posterior is not None]
    if len(posteriors) == len(models) and len({one.names for one in posteriors}) == 1:
        found = estimate_spreads(posteriors, _KINDS, _tolerances(models[0]))
        return {**_tolerances(models[0]), **found.values}, dict(found.errors)
    spreads = _tolerances(models[0])
    errors = {}
    for kind, names in _KINDS.items():
        prior = spreads[kind]
        y, r = _data(models, names)
        if prior == 0 or len(y) == 0:
            continue
        if kind == "offset_sigma":
            mean, errors["offset_mean"] = _weighted_mean(y, np.hypot(r, prior))
            spreads["offset_mean"], y = mean, y - mean
        spreads[kind], errors[kind] = _spread(y, r, prior)
    return spreads, errors


def _data(
    models: Sequence[DeviceModel], names: tuple[str, ...]
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """What the measurements alone say about each deviation, and its standard error: the tolerance taken out again."""
    parts = [
        _without_prior(_once(model, name, model.errors), _once(model, name, model.standard_errors), sigma)
        for model in models
        for name, sigma in model.instance.topology.error_sigmas(model.design.tolerances).items()
        if name in names and sigma > 0
    ]
    y, r = np.concatenate([np.zeros((2, 0)), *parts], axis=1)
    return y, r


def _once(model: DeviceModel, name: str, values: Mapping[str, Float[np.ndarray, "..."]]) -> Float[np.ndarray, " k"]:
    """Each component once, though it may serve both directions."""
    mirrored = name in model.instance.topology.mirrored
    return values[name][np.tril_indices(model.n, -1)] if mirrored else values[name].ravel()


def _without_prior(
    eps: Float[np.ndarray, " k"], se: Float[np.ndarray, " k"], sigma: float
) -> Float[np.ndarray, "2 known"]:
    # Precisions add: 1/se^2 = 1/r^2 + 1/sigma^2.
    left = 1 - np.minimum(se / sigma, 1.0) ** 2
    known = left > _INFORMED
    return np.stack([eps[known] / left[known], se[known] / np.sqrt(left[known])])


def _weighted_mean(y: Float[np.ndarray, " k"], sd: Float[np.ndarray, " k"]) -> tuple[float, float]:
    weights = 1 / sd**2
    return float(weights @ y / weights.sum()), float(1 / np.sqrt(weights.sum()))


def _spread(y: Float[np.ndarray, " k"], r: Float[np.ndarray, " k"], start: float) -> tuple[float, float]:
    """Maximum likelihood of sigma for `y ~ N(0, sigma^2 + r^2)` by expectation-maximisation; error from Fisher."""
    variance = start**2
    for _ in range(_STEPS):
        shrink = variance / (variance + r**2)
        variance = float(np.mean((shrink * y) ** 2 + shrink * r**2))
    information = float(np.sum(2 * variance / (variance + r**2) ** 2))
    return float(np.sqrt(variance)), float(1 / np.sqrt(information)) if information > 0 else float("inf")


def _supply_power(model: DeviceModel) -> float:
    amplifier = model.design.amplifier
    topology = model.instance.topology
    if amplifier is None or model.level == "ideal":
        return 0.0
    network = model.instance.network(_with_every_rail(model), model.level)
    amplifiers = sum(isinstance(element, OpAmp) for element in network.elements)
    places = model.n + (2 * topology.r if isinstance(topology, Cascade) else 0)
    return amplifiers / places * amplifier.supply_current * (amplifier.rail_high - amplifier.rail_low)


def _with_every_rail(model: DeviceModel) -> Program:
    """A program with every inverted rail in use, where there are other cells to feed."""
    n = model.n
    topology = model.instance.topology
    if not isinstance(topology, Cascade):
        # diagonally dominant with negative off-diagonals: every topology realises it
        return Program(_coupled(n), np.zeros(n))
    J = np.full((topology.r, n), -1.0 / n)
    return Program.from_factors(J, _coupled(topology.r), 1.0, np.zeros(n))


def _coupled(n: int) -> Float[np.ndarray, "n n"]:
    return np.eye(n) if n == 1 else np.eye(n) - (np.ones((n, n)) - np.eye(n)) / (2 * (n - 1))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
