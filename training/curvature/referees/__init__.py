"""How often quick derivatives are held against plain ones."""

from ._referee import Check as Check
from ._referee import Level as Level
from ._referee import Referee as Referee
from ._referee import check_check as check_check
