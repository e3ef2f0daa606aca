"""Many chips of one design, drawn at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from .._exceptions import DesignError
from ..networks import Network, Parasitics
from ..programs import UNSCALED, Program, Scaling
from ..state_spaces import StateSpaces, stacked_state_spaces
from ..topologies import Level, Topology, load, mirror
from ._design_and_instance import Design, Instance


@dataclass(frozen=True, eq=False)
class Instances:
    """Chips side by side: `errors` as in `Instance.errors`, with the chips as first axis.

    `Instances.sample` draws them; `instances[k]` is one `Instance`; a slice or an array of numbers is fewer of them.

    Raises:
        DesignError: names or shapes of `errors` are not those of the topology, or a value is not finite.
    """

    design: Design
    topology: Topology
    errors: Mapping[str, Float[np.ndarray, "chips ..."]]

    def __post_init__(self) -> None:
        shapes = self.topology.error_shapes()
        errors = {name: np.array(values, dtype=float) for name, values in self.errors.items()}
        found = {name: values.shape[1:] for name, values in errors.items()}
        if found != dict(shapes) or len({len(values) for values in errors.values()}) != 1:
            raise DesignError(f"instances: expected deviations (chips, ...) of {dict(shapes)}, got {found}")
        for name, values in errors.items():
            if not np.isfinite(values).all():
                raise DesignError(f"instances: {name}: expected finite values")
            values.flags.writeable = False
        object.__setattr__(self, "errors", MappingProxyType(errors))

    @classmethod
    def sample(cls, design: Design, topology: Topology, rng: np.random.Generator, chips: int) -> "Instances":
        """Draw many chips at once: the same as `Design.sample` with this `rng` so many times over, without the loop.

        Raises:
            DesignError: not at least one chip.
        """
        if chips < 1:
            raise DesignError(f"instances: expected at least 1 chip, got {chips}")
        shapes = topology.error_shapes()
        sigmas = topology.error_sigmas(design.tolerances)
        sizes = [prod(shape) for shape in shapes.values()]
        # One row is the stream of one chip, so that the draws are those of `sample` one after the other.
        parts = np.split(rng.standard_normal((chips, sum(sizes))), np.cumsum(sizes)[:-1], axis=1)
        errors = {
            name: sigmas[name] * part.reshape(chips, *shape)
            for (name, shape), part in zip(shapes.items(), parts, strict=True)
        }
        return cls(design, topology, mirror(topology, errors))

    @classmethod
    def of(cls, chips: Sequence[Instance]) -> "Instances":
        """Chips of one design and topology, side by side; without parasitics, which a stack has none of.

        Raises:
            DesignError: none, or chips of several designs or topologies, or with parasitics.
        """
        if not chips or any(
            chip.design != chips[0].design or chip.topology != chips[0].topology or chip.parasitics != Parasitics()
            for chip in chips
        ):
            raise DesignError("instances: expected chips of one design and topology, without parasitics")
        errors = {name: np.stack([chip.errors[name] for chip in chips]) for name in chips[0].errors}
        return cls(chips[0].design, chips[0].topology, errors)

    def __len__(self) -> int:
        return len(next(iter(self.errors.values())))

    def __getitem__(self, which: Any) -> Any:
        errors = {name: values[which] for name, values in self.errors.items()}
        single = isinstance(which, int | np.integer)
        return Instance(self.design, self.topology, errors) if single else replace(self, errors=errors)

    def __iter__(self) -> Iterator[Instance]:
        return (self[k] for k in range(len(self)))

    def network(self, program: Program, level: Level = "macro", scaling: Scaling = UNSCALED) -> Network:
        """The circuit of all chips with one program loaded: as `Instance.network`, values are arrays (chips,).

        Raises:
            ProgramError, DesignError: as `Instance.network`.
        """
        weights = load(self.design.programming, self.topology, program, scaling.conductance).weights
        b = scaling.conductance * scaling.drive * program.b
        errors = {name: np.moveaxis(values, 0, -1) for name, values in self.errors.items()}
        return self.topology.network(self.design.values(level), errors, weights, b)

    def state_spaces(
        self, program: Program, level: Level = "macro", scaling: Scaling = UNSCALED, more: tuple[str, ...] = ()
    ) -> StateSpaces:
        """The linearised circuits; equals `state_space(instance.network(...))` of each chip.

        The readouts are followed by those of the nodes named in `more`, such as an amplifier's pole node `a0_p`,
        where its rails hold.

        Raises:
            ProgramError, DesignError: as `Instance.network`.
        """
        network = self.network(program, level, scaling)
        return stacked_state_spaces(replace(network, outputs=(*network.outputs, *more)), len(self))
