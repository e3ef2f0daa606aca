"""Numbers on the command line: read as those of designs and studies are, with prefixes and units."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand

_NUMBER_FIRST = re.compile(r"[-+]?[.0-9]|[-+]?(?:nan|inf)\b", re.IGNORECASE)


def quantity(option: str, unit: str) -> Callable[[Any], float]:
    """A reader of an option's value as a number in a unit (see `files.quantities`)."""

    def read(value: Any) -> float:
        from ...files.quantities import QuantityError, parse_quantity

        try:
            return parse_quantity(value, unit)
        except QuantityError as error:
            raise typer.BadParameter(str(error), param_hint=option) from None

    return read


def whole(option: str, least: int | None = None) -> Callable[[Any], int]:
    """A reader of an option's value as a whole number."""

    def read(value: Any) -> int:
        from ...files.quantities import QuantityError, parse_whole

        try:
            number = parse_whole(value)
        except QuantityError as error:
            raise typer.BadParameter(str(error), param_hint=option) from None
        if least is not None and number < least:
            raise typer.BadParameter(f"expected a whole number of at least {least}, got {number}", param_hint=option)
        return number

    return read


@dataclass(frozen=True, slots=True)
class Pair:
    """Two numbers of one option, `LOW,HIGH` or `LOW HIGH`."""

    low: float
    high: float


def pair(option: str, unit: str, low: str = "low", high: str = "high") -> Callable[[Any], Pair]:
    """A reader of an option's two values with their names; its command is a `PairCommand`."""

    def one(name: str, text: str) -> float:
        try:
            return quantity(option, unit)(text)
        except typer.BadParameter as error:
            raise typer.BadParameter(f"{name}: {error.message}", param_hint=option) from None

    def read(value: Any) -> Pair:
        parts = value.replace(",", " , ").split(" , ") if isinstance(value, str) else value
        if len(parts) != 2 or not all(part.strip() for part in parts):
            problem = f"expected two numbers, such as -5,5 or -5 5, got {value!r}"
            raise typer.BadParameter(problem, param_hint=option)
        return Pair(one(low, parts[0]), one(high, parts[1]))

    return read


class PairCommand(TyperCommand):
    """A command whose `Pair` options take their numbers as two words as well: `--supply -5 5` as `--supply=-5,5`."""

    pairs: Sequence[str] = ("--supply", "--band")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Join two numbers behind such an option into one word."""
        words: list[str] = []
        rest = list(args)
        while rest:
            word = rest.pop(0)
            two = rest[:2]
            if word in self.pairs and len(two) == 2 and all(_NUMBER_FIRST.match(t) and "," not in t for t in two):
                word = f"{word}={','.join(two)}"
                del rest[:2]
            words.append(word)
        return super().parse_args(ctx, words)
