"""Which steps are checked in full, and which by their gradient alone."""

from dataclasses import dataclass
from typing import Literal, get_args

from torch import nn

from ....files.arguments import check_choice

Check = Literal["gradient", "every", "off"]
"""Of derivatives by layers; see `TNGD`."""

Level = Literal["chance", "gradient", "none"]
"""Against plain derivatives in a chance direction, against the plain gradient of the loss, or not at all."""

PERIOD = 16
"""Calls from one full check to the next."""


@dataclass(eq=False)
class Referee:
    """Decides call by call: the first one is checked in full, as are those after the module has changed its mode."""

    check: Check
    calls: int = 0
    modes: tuple[bool, ...] = ()

    def level(self, module: nn.Module) -> Level:
        if self.check != "gradient":
            return "chance" if self.check == "every" else "none"
        modes = tuple(part.training for part in module.modules())
        if modes != self.modes:
            self.calls = 0
        self.modes = modes
        return "gradient" if self.calls % PERIOD else "chance"

    def passed(self) -> None:
        """The call that was asked about is over; one that was refused is checked in full when it comes again."""
        self.calls += 1


def check_check(name: str, check: str) -> None:
    check_choice(name, "check", check, get_args(Check))
