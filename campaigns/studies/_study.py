"""What a study is: a frozen, validated description that a YAML file gives."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ...files import joined
from ...files.quantities import Bytes, Count, Seconds
from ._cases import CASE, case_faults, cases_read, twice_named
from ._circuit_settings import CircuitSettings
from ._limits import Frozen, Limit, Specification
from ._metrics import CIRCUIT, RATIOS, TRAINING, Metric
from ._netlist_settings import NetlistSettings
from ._optimise import Optimise
from ._parameters import Parameter
from ._sensitivity import Sensitivity

MOST_RUNS = 100_000

OWN_POINTS = ("sensitivity", "optimise")
"""Blocks of a study that choose its points."""


class StopAfter(Frozen):
    """The campaign ends when this many runs have failed."""

    stop_after: Annotated[Count, Field(ge=1)]
    """Number of failed runs."""


class Study(Frozen):
    """A campaign: base settings, parameters that vary, and what a good result is."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)
    """Of the study, in letters, digits and `_.-`."""
    description: str = ""
    """In any words; reports show it."""
    kind: Literal["circuit", "training", "netlist"] = "circuit"
    """What a run is: one simulated chip, one training, or one simulated circuit of one's own."""
    circuit: CircuitSettings | None = None
    """The chip and what is measured of it, in a study of circuits."""
    netlist: NetlistSettings | None = None
    """The circuit of one's own and what is measured of it."""
    training: Mapping[str, Any] | None = None
    """Fields of an experiment of `thermospice train`, without its seeds."""
    reference: Mapping[str, Any] | None = None
    """Settings of a training study that are replaced in the runs that losses are compared with, one for each seed:
    every run then has `train_loss_ratio` and `test_loss_ratio`."""
    specification: Specification | None = None
    """The loosest value of a parameter that keeps a bound, as a map and a table."""
    cases: Mapping[str, Mapping[str, Any]] | None = None
    """Settings of a training that belong together, by a name of one's own: such as an optimiser with its own rate.
    Each is a value of the parameter `training.case`."""
    sensitivity: Sensitivity | None = None
    """A ranking: by how much each parameter moves a metric. It chooses the points itself."""
    optimise: Optimise | None = None
    """The cheapest design whose chips keep the limits. It chooses the points itself, one after the other."""
    parameters: Mapping[str, Parameter] = Field(default_factory=dict)
    """What varies, by the dotted name of the field that it replaces."""
    method: Literal["grid", "latin-hypercube", "monte-carlo", "sensitivity", "optimise"] = "grid"
    """How the points are chosen; the last two come with the blocks of these names."""
    samples: Annotated[Count, Field(ge=1)] | None = None
    """Points of a Latin hypercube or Monte Carlo."""
    instances: Annotated[Count, Field(ge=1)] = 1
    """Chips (training: seeds) at every point, numbered from the study's seed on, the same ones at every point."""
    seed: Annotated[Count, Field(ge=0)] = 0
    """Of the first chip, and of points that are drawn."""
    timeout: Annotated[Seconds, Field(gt=0)] = 600.0
    """Of one run [s]."""
    memory: Annotated[Bytes, Field(gt=0)] | None = 4e9
    """That the processes of one run may hold [byte]."""
    failures: Literal["continue"] | StopAfter = "continue"
    """Whether failed runs end the study, and after how many."""
    limits: tuple[Limit, ...] = ()
    """What a good run keeps; the yield is the part of the runs that do."""

    @model_validator(mode="before")
    @classmethod
    def _cases_vary(cls, data: Any) -> Any:
        data = cases_read(data)
        cases = data.get("cases") if isinstance(data, Mapping) else None
        given = data.get("parameters") or {} if isinstance(data, Mapping) else {}
        if not (isinstance(cases, Mapping) and cases and isinstance(given, Mapping)) or CASE in given:
            return data
        return {**data, "parameters": {CASE: list(cases), **given}}

    @model_validator(mode="before")
    @classmethod
    def _own_method(cls, data: Any) -> Any:
        """A block that chooses the points is their method."""
        if not isinstance(data, Mapping) or data.get("method") is not None:
            return data
        own = [block for block in OWN_POINTS if data.get(block) is not None]
        return {**data, "method": own[0]} if own else data

    @model_validator(mode="after")
    def _consistent(self) -> "Study":
        wrong = list(self._wrong_blocks()) or [
            *self._wrong_points(),
            *self._wrong_specification(),
            *self._wrong_limits(),
            *self._wrong_purpose(),
        ]
        if wrong:
            raise ValueError(joined(wrong))
        return self

    def _wrong_blocks(self) -> Iterator[str]:
        blocks = {"circuit": self.circuit, "training": self.training, "netlist": self.netlist}
        if blocks[self.kind] is None:
            yield f"{self.kind}: missing; a study of kind {self.kind} needs it"
        for other in (name for name in blocks if name != self.kind and blocks[name] is not None):
            yield f"{other}: means nothing to a study of kind {self.kind}; remove it or change kind"

    def _wrong_points(self) -> Iterator[str]:
        if self.method == "grid" and self.samples is not None:
            yield "samples: a grid has as many points as its values; remove it or change method"
        if self.drawn and self.samples is None:
            yield f"samples: missing; {self.method} needs the number of points"
        if self.drawn and not self.parameters:
            yield f"parameters: missing; {self.method} needs at least one"
        for name, parameter in self.parameters.items():
            yield from parameter.faults(name, self.method)
        for name in ("reference", "cases"):
            if getattr(self, name) is not None and self.kind != "training":
                yield f"{name}: only a study of kind training has one; remove it"
        if CASE in self.parameters and self.cases is None:
            yield f"parameters.{CASE}: there are no cases; give them too"
        yield from case_faults(self.cases or {}, self.parameters)
        yield from twice_named(self.parameters if self.kind == "training" else ())

    def _wrong_purpose(self) -> Iterator[str]:
        """Of a study that chooses its points itself."""
        both = [name for name in OWN_POINTS if getattr(self, name) is not None]
        if len(both) > 1:
            yield f"{both[1]}: expected one of {' and '.join(OWN_POINTS)}, got both"
        if self.method in OWN_POINTS and getattr(self, self.method) is None:
            yield f"{self.method}: missing; method {self.method} needs it"
        for name in both:
            if self.method not in OWN_POINTS:
                yield f"method: {name} chooses the points itself; remove method"
        if both and self.samples is not None:
            own = "sensitivity.samples" if both == ["sensitivity"] else "optimise.runs"
            yield f"samples: means nothing beside {both[0]}; remove it, or give {own}"
        if self.sensitivity is not None:
            yield from self.sensitivity.faults(self.metrics, self.parameters, self.limits)
            # Those of a netlist come with its tolerances, from a file that other studies read as well.
            for k, limit in enumerate(self.limits if self.netlist is None else ()):
                if limit.required_yield is not None:
                    yield f"limits.{k}.required_yield: a ranking has no verdict; remove it"
        if self.optimise is not None:
            yield from self.optimise.faults(self.parameters, self.limits, self.instances)

    def _wrong_specification(self) -> Iterator[str]:
        asked = self.specification
        if asked is None:
            return
        if self.method != "grid" or len(self.parameters) < 2:
            yield "specification: needs a grid of at least two parameters"
        if asked.loosest not in self.parameters:
            yield f"specification.loosest: expected one of {', '.join(self.parameters)}"
        if asked.metric not in self.metrics:
            yield f"specification.metric: expected one of {', '.join(self.metrics)}, got {asked.metric!r}"

    def _wrong_limits(self) -> Iterator[str]:
        known = self.metrics
        for k, limit in enumerate(self.limits):
            if limit.metric not in known:
                every = {**TRAINING, **RATIOS} if self.kind == "training" else {**CIRCUIT}
                hint = f"; it needs the analysis {every[limit.metric].analysis}" if limit.metric in every else ""
                yield f"limits.{k}.metric: expected one of {', '.join(known)}, got {limit.metric!r}{hint}"
            if limit.metric in (earlier := [one.metric for one in self.limits[:k]]):
                first = f"limits.{earlier.index(limit.metric)}"
                yield f"limits.{k}.metric: {limit.metric} has one already, {first}; give both bounds in one"

    @property
    def drawn(self) -> bool:
        """Whether the points are a random sample of what the parameters may be."""
        return self.method in ("latin-hypercube", "monte-carlo")

    @property
    def metrics(self) -> dict[str, Metric]:
        """What the runs of this study measure."""
        if self.netlist is not None:
            return self.netlist.metrics
        if self.circuit is None:
            return {**TRAINING, **(RATIOS if self.reference is not None else {})}
        analyses = self.circuit.analyses
        return {name: m for name, m in CIRCUIT.items() if m.analysis is None or m.analysis in analyses}
