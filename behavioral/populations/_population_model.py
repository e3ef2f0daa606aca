"""The model of a process: means, spreads and correlations of its chips, estimated from a campaign, kept as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from ...circuits import TOPOLOGIES, Design, DesignError, Instance, Level, Topology
from ...files import write_atomically
from .._exceptions import DeviceModelError
from ..calibration import Calibration
from ..devices import DeviceModel, Estimate, Provenance
from ._mixed_model import fit_mixed
from ._population import Population, with_spreads
from ._population_file import Spread, pair, parsed, plain_spread, read_json
from ._process_statistics import (
    AMPLIFIER_KINDS,
    SHARED_KINDS,
    check_chips,
    correlations_of,
    evidence,
    nominal_design,
    provenance_of,
    spreads_of,
)

_SCHEMA = 1
POPULATION_KIND = "population-model"


@dataclass(frozen=True, eq=False)
class PopulationModel:
    """Chips of a process: draws devices of any size, and stands for them in training.

    Args:
        design: that the chips were made by.
        topology: name of what they are.
        level: depth of the circuit.
        spreads: by kind of deviation, such as `conductance`, and by `gain`, `gain_bandwidth`, `noise_scale`.
        correlations: of the chips' common parts, by pair of kinds; only those that the data show.
        cells: of each of these chips; None where the file does not say.
        provenance: the chips' digests, all measurements, who measured; `residual` is the rms over the chips.

    Raises:
        DeviceModelError: kinds that the topology does not have, or correlations that are none.
    """

    design: Design
    topology: str
    level: Level
    spreads: Mapping[str, Spread]
    correlations: Mapping[tuple[str, str], Estimate] = field(default_factory=lambda: MappingProxyType({}))
    instances: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=lambda: Provenance(source="campaign"))
    cells: int | None = None

    def __post_init__(self) -> None:
        kinds = set(TOPOLOGIES[self.topology]().error_shapes()) | set(SHARED_KINDS)
        if unknown := sorted(set(self.spreads) - kinds):
            raise DeviceModelError(
                f"spreads: a {self.topology} has no {unknown[0]}; expected {', '.join(sorted(kinds))}"
            )
        for a, b in self.correlations:
            if a not in self.spreads or b not in self.spreads:
                raise DeviceModelError(
                    f"correlations: expected two kinds of {', '.join(self.spreads)}, got {a} and {b}"
                )
        object.__setattr__(self, "spreads", MappingProxyType(dict(self.spreads)))
        object.__setattr__(self, "correlations", MappingProxyType(dict(self.correlations)))

    @classmethod
    def estimate(cls, chips: Sequence[Calibration]) -> "PopulationModel":
        """From calibrated chips of one design and size, by maximum likelihood.

        The prior that each chip was fitted with is taken out again, with all its correlations, so that a tolerance is
        not read back as a result. What a chip's measurements leave open does not count.

        Raises:
            DeviceModelError: fewer than three chips, a chip given twice, or chips of different kinds.
        """
        models = [chip.model for chip in chips]
        check_chips(models)
        first = chips[0]
        names = [name.split("[")[0] for name in first.names]
        kinds = list(dict.fromkeys(names))
        kind = np.array([kinds.index(name) for name in names])
        has_local = [name not in SHARED_KINDS for name in kinds]
        known = [evidence(chip) for chip in chips]
        found = fit_mixed(known, kind, first.prior, has_local)
        digests = tuple(model.provenance.instance_digest for model in models)
        return cls(
            design=nominal_design(first),
            topology=models[0].instance.topology.name,
            level=models[0].level,
            spreads=spreads_of(found, kinds, has_local),
            correlations=correlations_of(found, kinds),
            instances=digests,
            provenance=provenance_of(models),
            cells=models[0].n,
        )

    def draw(self, topology: Topology, rng: np.random.Generator) -> DeviceModel:
        """A device of any size: deviations by the spreads, the chip's common parts correlated.

        Raises:
            DeviceModelError: another topology.
        """
        if topology.name != self.topology:
            raise DeviceModelError(f"population: expected a {self.topology}, whose chips it knows, got {topology.name}")
        common = dict(zip(self.spreads, self._common(rng), strict=True))
        errors = {
            name: common.get(name, 0.0) + self._local(name, shape, rng, name in topology.mirrored)
            for name, shape in topology.error_shapes().items()
        }
        design = self._design(common)
        instance = Instance(design, topology, errors)
        amplifier = design.amplifier if self.level != "ideal" else None
        return DeviceModel(
            instance,
            self.level,
            {name: np.zeros_like(values) for name, values in errors.items()},
            Estimate(amplifier.gain) if amplifier else None,
            Estimate(amplifier.gain_bandwidth) if amplifier else None,
            Estimate(float(np.exp(common.get("noise_scale", 0.0)))),
            provenance=Provenance(source="population", instance_digest=instance.digest),
        )

    def population(self) -> Population:
        """The statistics that training samples from."""
        design = self._design({name: spread.mean.value for name, spread in self.spreads.items()})
        nominal = DeviceModel.nominal(design.nominal(TOPOLOGIES[self.topology]()), self.level)
        noise = self.spreads["noise_scale"].mean.value if "noise_scale" in self.spreads else 0.0
        scaled = DeviceModel(
            nominal.instance, self.level, nominal.standard_errors, nominal.gain, nominal.gain_bandwidth,
            Estimate(float(np.exp(noise))),
        )  # fmt: skip
        offsets = [spread.mean for name, spread in self.spreads.items() if name in ("offset", "inverter_offset")]
        mean, error = (
            (float(np.mean([o.value for o in offsets])), max(o.standard_error for o in offsets))
            if offsets
            else (0.0, 0.0)
        )
        known = {name: (spread.total, spread.error) for name, spread in self.spreads.items()}
        return replace(with_spreads(Population.estimate([scaled]), known, (mean, error)), measured_cells=self.cells)

    @property
    def covariance(self) -> Float[np.ndarray, "kinds kinds"]:
        """Of the common parts of a chip, in the order of `spreads`."""
        names = list(self.spreads)
        R = np.eye(len(names))
        for (a, b), r in self.correlations.items():
            i = names.index(a)
            j = names.index(b)
            R[i, j] = R[j, i] = r.value
        sd = np.array([spread.chip.value for spread in self.spreads.values()])
        return np.asarray(R * np.outer(sd, sd))

    def _common(self, rng: np.random.Generator) -> Float[np.ndarray, " kinds"]:
        mean = np.array([spread.mean.value for spread in self.spreads.values()])
        w, U = np.linalg.eigh(self.covariance)
        # Correlations that were left out may make it slightly indefinite.
        return np.asarray(mean + (U * np.sqrt(np.clip(w, 0.0, None))) @ rng.standard_normal(len(mean)))

    def _local(
        self, name: str, shape: tuple[int, ...], rng: np.random.Generator, mirrored: bool
    ) -> Float[np.ndarray, "..."]:
        spread = self.spreads.get(name)
        values = rng.standard_normal(shape) * (spread.local.value if spread and spread.local else 0.0)
        lower = np.tril(values, -1)
        return lower + np.swapaxes(lower, -1, -2) if mirrored else values

    def _design(self, common: Mapping[str, float]) -> Design:
        amplifier = self.design.amplifier
        if amplifier is None:
            return self.design
        update = {
            name: getattr(amplifier, name) * float(np.exp(common[name])) for name in AMPLIFIER_KINDS if name in common
        }
        # A gain of one or less is no amplifier.
        update["gain"] = max(update.get("gain", amplifier.gain), 1 + 1e-9)
        return self.design.model_copy(update={"amplifier": amplifier.model_copy(update=update)})

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back without loss."""
        return {
            "kind": POPULATION_KIND,
            "schema": _SCHEMA,
            "design": self.design.to_dict(),
            "topology": self.topology,
            "level": self.level,
            "spreads": {name: plain_spread(spread) for name, spread in self.spreads.items()},
            "correlations": [{"between": [a, b], **pair(estimate)} for (a, b), estimate in self.correlations.items()],
            "instances": list(self.instances),
            **({} if self.cells is None else {"cells": self.cells}),
            "provenance": {
                "source": self.provenance.source,
                "measurements": list(self.provenance.measurements),
                "discarded": dict(self.provenance.discarded),
                "simulators": list(self.provenance.simulators),
                "residual": self.provenance.residual,
                "samples": self.provenance.samples,
            },
        }

    @classmethod
    def from_dict(cls, data: Any, where: str = "population") -> "PopulationModel":
        """Validate plain data.

        Raises:
            DeviceModelError: another kind or schema, or values that do not fit.
        """
        if not isinstance(data, Mapping) or data.get("kind") != POPULATION_KIND:
            raise DeviceModelError(f"{where}: expected a population as `PopulationModel.save` writes it")
        if data.get("schema") != _SCHEMA:
            raise DeviceModelError(f"{where}: expected schema {_SCHEMA}, got {data.get('schema')!r}; calibrate again")
        try:
            return cls(**parsed(data, where))
        except (DeviceModelError, DesignError) as error:
            message = str(error)
            raise DeviceModelError(message if message.startswith(where) else f"{where}: {message}") from None
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise DeviceModelError(f"{where}: not a population: {type(error).__name__}: {error}") from None

    def save(self, path: str | Path) -> None:
        """Write JSON, whole or not at all."""
        write_atomically(path, json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> "PopulationModel":
        """Read JSON.

        Raises:
            DeviceModelError: unreadable, or not a population of this schema.
        """
        return cls.from_dict(read_json(path), str(path))
