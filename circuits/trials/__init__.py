"""What a trial starts from: a design by name, a chip and a program by seed."""

from ._by_seed import PROGRAM as PROGRAM
from ._by_seed import get_instance as get_instance
from ._default_designs import BOARD as BOARD
from ._default_designs import GRID_BOARD as GRID_BOARD
from ._default_designs import TRANSISTORS as TRANSISTORS
from ._default_designs import find_design as find_design
from ._default_designs import fitting_level as fitting_level
from ._default_designs import get_chip_design as get_chip_design
from ._default_designs import get_chip_level as get_chip_level
from ._default_designs import get_design as get_design
from ._default_designs import get_level as get_level
from ._default_designs import names_a_file as names_a_file
from ._random_program import random_program as random_program
from ._without_effect import drifts as drifts
from ._without_effect import follows_temperature as follows_temperature
from ._without_effect import without_effect as without_effect
