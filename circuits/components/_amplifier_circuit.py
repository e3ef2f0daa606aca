"""A subcircuit of a user's own that a design's amplifier was measured on."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from ...files.quantities import Hertz, Kelvin, Volt
from ._parts import Part

_LONGEST = 60_000
"""Characters; a design is a file of at most 100,000 bytes."""


class AmplifierCircuit(Part):
    """What the values of an `Amplifier` come from, and what a netlist at level `transistor` has of it."""

    file: Annotated[str, Field(max_length=1000)]
    """As it was named; it is not read again."""
    subcircuit: Annotated[str, Field(max_length=200)]
    """Its name in the file."""
    pins: Mapping[str, str]
    """Nodes of the subcircuit by the pins `plus minus out vdd vss`, and `ground` where it has one."""
    vss: Volt
    """Negative supply [V]."""
    vdd: Volt
    """Positive supply [V]."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of the file and of what it includes."""
    noise_band: Annotated[Hertz, Field(gt=0)] | None = None
    """Up to which its input noise is that of the macro-model within a per cent [Hz]; None: everywhere."""
    tnom: Annotated[Kelvin, Field(gt=0)] = 300.15
    """Temperature of the models' values [K]."""
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=200)]
    """Under which `text` defines it, with the pins `plus minus out vdd vss` in this order."""
    text: Annotated[str, Field(max_length=_LONGEST)]
    """Subcircuits and models; read as strictly as the file whenever it is used."""
    notices: tuple[str, ...] = ()
    """What was left out of the file, and what its values do not say."""

    @model_validator(mode="after")
    def _supplies_in_order(self) -> "AmplifierCircuit":
        if not self.vss < 0 < self.vdd:
            raise ValueError(f"expected vss < 0 < vdd, got {self.vss} V and {self.vdd} V")
        return self

    @property
    def source(self) -> str:
        """Where it comes from, for a report."""
        return f"{self.file}, subcircuit {self.subcircuit}, sha256 {self.sha256[:12]}"
