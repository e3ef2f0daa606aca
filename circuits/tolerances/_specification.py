"""The file beside a netlist: tolerances, conditions, limits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...files import read_yaml, reasons
from ...files.quantities import Kelvin, Ratio
from .._exceptions import DesignError
from ._tolerance import Corner, Tolerance, Tolerances


class BoundSettings(BaseModel):
    """What a metric keeps, in the metric's unit; as written, since the unit is the metric's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: Any = None
    """Lower bound, in the metric's unit."""
    typ: Any = None
    """What is aimed at; shown beside what the typical chip has."""
    max: Any = None
    """Upper bound, in the metric's unit."""
    required_yield: Annotated[Ratio, Field(ge=0, le=1)] = 1.0
    """The command ends with exit code 1 when fewer chips than this keep the bounds."""

    @model_validator(mode="after")
    def _bounded(self) -> "BoundSettings":
        if self.min is None and self.max is None:
            raise ValueError("expected min or max: a typical value alone cannot be missed")
        return self


class CircuitSpecification(BaseModel):
    """Tolerances of the elements, corners and temperatures to look at, and limits by metric."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tolerances: Mapping[str, Tolerance] = Field(default_factory=dict)
    """By patterns of element names, such as `R*`; where several match, the last one counts."""
    corners: Annotated[tuple[Corner, ...], Field(min_length=1)] = ("typical",)
    """Each is a condition under which chips are drawn."""
    temperatures: tuple[Annotated[Kelvin, Field(gt=0)], ...] = ()
    """The netlist's own unless given."""
    limits: Mapping[str, BoundSettings] = Field(default_factory=dict)
    """What each metric keeps, by its name, such as `tau`."""

    @property
    def drawn_from(self) -> Tolerances:
        """The tolerances as they are drawn from."""
        return Tolerances(self.tolerances)


def load_specification(path: str | Path) -> CircuitSpecification:
    """Read a specification.

    Raises:
        DesignError: one line with file and field.
    """
    return parse_specification(read_yaml(Path(path)), str(path))


def parse_specification(data: Any, where: str) -> CircuitSpecification:
    """Validate plain data.

    Raises:
        DesignError: one line with the field.
    """
    if not isinstance(data, Mapping):
        got = type(data).__name__
        raise DesignError(f"{where}: expected fields such as `tolerances: {{R*: 1 %}}`, got {got}")
    try:
        return CircuitSpecification.model_validate(dict(data))
    except ValidationError as error:
        raise DesignError(f"{where}: {reasons(error)}") from None
