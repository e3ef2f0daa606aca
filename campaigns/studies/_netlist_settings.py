"""One simulated circuit of one's own."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated

from pydantic import Field, model_validator

from ...circuits.linear_circuits import Observed, observed
from ...circuits.spice_files import parse_netlist
from ...circuits.tolerances import Corner, Tolerance, Tolerances
from ...files import joined
from ...files.quantities import Hertz, Kelvin, Ratio, Seconds
from ...measurements import Analysis
from ._limits import Frozen
from ._metrics import OF_AN_OUTPUT, Metric


class NetlistSettings(Frozen):
    """A circuit, and what is measured of it; parameters of a study replace fields of this by their dotted names."""

    file: str = "netlist"
    """Its name in messages."""
    text: str = Field(repr=False)
    """The netlist itself; of the file when a study is read."""
    include: bool = False
    """Whether what the netlist includes is taken, from its own folder and below; done when a study is read."""
    outputs: tuple[str, ...] = Field(min_length=1)
    """Nodes that are read, and differences such as `v1-v2`."""
    analyses: tuple[Analysis, ...] = Field(("op", "noise"), min_length=1)
    """What is measured of each circuit."""
    tolerances: Mapping[str, Tolerance] = Field(default_factory=dict)
    """By patterns of element names, such as `R*`."""
    corner: Corner = "typical"
    """Every element at one end of its tolerance, or the typical one."""
    temperature: Annotated[Kelvin, Field(gt=0)] | None = None
    """The netlist's own unless given."""
    band: tuple[Hertz, Hertz] | None = None
    """Of the noise; all frequencies unless given."""
    duration: Annotated[Seconds, Field(gt=0)] | None = None
    """Of a transient [s]; until it has settled unless given."""
    input: str | None = None
    """Source of the responses."""
    settle_tolerance: Annotated[Ratio, Field(gt=0, lt=1)] = 0.01
    """Settled is when the relative distance from the settled voltages stays below this."""
    mismatch: bool = True
    """Whether chips are drawn from the tolerances."""

    @model_validator(mode="after")
    def _known(self) -> "NetlistSettings":
        if wrong := list(self._faults()):
            raise ValueError(joined(wrong))
        return self

    def _faults(self) -> Iterator[str]:
        if self.band is not None and not 0 < self.band[0] < self.band[1]:
            yield f"band: expected two frequencies, the lower one first, got {self.band[0]:g} and {self.band[1]:g} Hz"
        if len(set(self.analyses)) != len(self.analyses):
            yield f"analyses: expected each once, got {', '.join(self.analyses)}"
        try:
            self.drawn_from.of(self.circuit.network)
        except ValueError as error:
            yield str(error)

    @property
    def circuit(self) -> Observed:
        """The circuit as its netlist has it, at the temperature that is asked for.

        Raises:
            CircuitError: no circuit, or outputs that there are not.
        """
        return _circuit(self.text, self.file, self.outputs, self.temperature)

    @property
    def drawn_from(self) -> Tolerances:
        """The tolerances as they are drawn from."""
        return Tolerances(self.tolerances)

    @property
    def metrics(self) -> dict[str, Metric]:
        """What a run gives."""
        circuit = self.circuit
        found: dict[str, Metric] = {"tau": Metric("s", "slowest time constant")}
        for label, unit in zip(circuit.labels, circuit.units, strict=True):
            for kind, metric in OF_AN_OUTPUT.items():
                own = metric.unit.replace("V", unit)
                found[f"{kind}({label})"] = Metric(own, f"{metric.meaning} of {label}", metric.analysis)
        for i, label in enumerate(circuit.labels):
            for other in circuit.labels[i + 1 :]:
                found[f"rho({label},{other})"] = Metric("1", f"correlation of {label} and {other}", "noise")
        return {name: m for name, m in found.items() if m.analysis is None or m.analysis in self.analyses}


@lru_cache(maxsize=4)
def _circuit(text: str, file: str, outputs: tuple[str, ...], temperature: float | None) -> Observed:
    return observed(parse_netlist(text, file, temperature).network, outputs)
