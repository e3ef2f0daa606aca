"""Fields of designs, studies and experiments that are numbers: each says its unit, and is read by one reader."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, PlainSerializer
from pydantic.fields import FieldInfo

from ._quantity import parse_quantity, parse_whole, quantity_text


@dataclass(frozen=True)
class In:
    """The unit of a field, as a part of its type."""

    unit: str
    """One of `UNITS`, by its name."""

    def __repr__(self) -> str:
        return f"In({self.unit!r})"


def _number(unit: str) -> Any:
    return BeforeValidator(lambda value: parse_quantity(value, unit))


def _count(unit: str) -> Any:
    return BeforeValidator(lambda value: parse_whole(value, unit))


Ohm = Annotated[float, _number("ohm"), In("ohm")]
Farad = Annotated[float, _number("F"), In("F")]
Henry = Annotated[float, _number("H"), In("H")]
Volt = Annotated[float, _number("V"), In("V")]
Ampere = Annotated[float, _number("A"), In("A")]
Hertz = Annotated[float, _number("Hz"), In("Hz")]
Seconds = Annotated[float, _number("s"), In("s")]
# A temperature that is asked for its unit is written with it.
Kelvin = Annotated[
    float, _number("K"), PlainSerializer(lambda value: quantity_text(value, "K"), when_used="json"), In("K")
]
KelvinDifference = Annotated[float, _number("K of difference"), In("K of difference")]
VoltPerSecond = Annotated[float, _number("V/s"), In("V/s")]
VoltPerKelvin = Annotated[float, _number("V/K"), In("V/K")]
VoltPerRootHertz = Annotated[float, _number("V/sqrt(Hz)"), In("V/sqrt(Hz)")]
AmperePerRootHertz = Annotated[float, _number("A/sqrt(Hz)"), In("A/sqrt(Hz)")]
SquareAmperePerHertz = Annotated[float, _number("A^2/Hz"), In("A^2/Hz")]
SquareVolt = Annotated[float, _number("V^2"), In("V^2")]
PerKelvin = Annotated[float, _number("1/K"), In("1/K")]
PerSquareKelvin = Annotated[float, _number("1/K^2"), In("1/K^2")]
Gain = Annotated[float, _number("V/V"), In("V/V")]
Ratio = Annotated[float, _number(""), In("")]
TimeConstants = Annotated[float, _number("time constants"), In("time constants")]
Bytes = Annotated[float, _number("byte"), In("byte")]

Bits = Annotated[int, _count("bits"), In("bits")]
Cells = Annotated[int, _count("cells"), In("cells")]
Steps = Annotated[int, _count("steps"), In("steps")]
Samples = Annotated[int, _count("samples"), In("samples")]
Count = Annotated[int, _count("count"), In("count")]


def unit_of(model: type[BaseModel], path: Sequence[str]) -> str | None:
    """The unit of a field of a model, or of a model in it, by the names that lead there: a key of `UNITS`.

    None where the path leads to no number.
    """
    field = model.model_fields.get(path[0]) if path else None
    if field is None:
        return None
    if len(path) > 1:
        inner = next((found for part in _parts(field) if (found := _model(part)) is not None), None)
        return None if inner is None else unit_of(inner, path[1:])
    return next((part.unit for part in _parts(field) if isinstance(part, In)), None)


def fields_of(model: type[BaseModel], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """The fields of a model and of the models in it, by the names that lead there, in their order."""
    for name, field in model.model_fields.items():
        path = (*before, name)
        yield path, field
        for inner in filter(None, map(_model, _parts(field))):
            yield from fields_of(inner, path)


def _model(part: Any) -> type[BaseModel] | None:
    return part if isinstance(part, type) and issubclass(part, BaseModel) else None


def _parts(field: FieldInfo) -> Iterator[Any]:
    """What a field's annotation is made of: units and types, through unions and lists."""
    yield from field.metadata
    yield from _inside(field.annotation)


def _inside(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    yield annotation
    for argument in get_args(annotation):
        yield from _inside(argument)
