"""What a circuit's equations say at one set of values."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from ...circuits.linear_circuits import LinearCircuit
from ..processes import CircuitProcess


@dataclass(frozen=True, eq=False)
class Equations:
    """A circuit's equations at one set of values, each worked out once."""

    circuit: LinearCircuit

    @cached_property
    def process(self) -> CircuitProcess:
        """The circuit as a process in time."""
        return CircuitProcess.of(self.circuit.network)

    def waveform(self, times: Float[np.ndarray, " t"]) -> Float[np.ndarray, "t n"]:
        """Outputs [V] at times since the sources stepped; before that, what the elements' initial values give."""
        if not self.circuit.pencil.equations.states:
            after = np.broadcast_to(self.circuit.settled, (len(times), len(self.circuit.labels)))
            return np.where((times >= 0)[:, None], after, 0.0)
        after = self.process.mean_at(np.maximum(times, 0.0))
        before = self.process.space.M @ self.process.start
        return np.where((times >= 0)[:, None], after, before)
