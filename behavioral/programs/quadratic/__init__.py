"""Quadratic programs by an interior point whose systems a device solves."""

from ._answer import History as History
from ._answer import QuadraticAnswer as QuadraticAnswer
from ._answer import Status as Status
from ._foreseen import Foreseen as Foreseen
from ._foreseen import foresee as foresee
from ._interior_point import Settings as Settings
from ._interior_point import minimise as minimise
from ._quadratic_program import QuadraticProgram as QuadraticProgram
from ._support_vectors import SupportVectors as SupportVectors
from ._support_vectors import dual_program as dual_program
from ._support_vectors import signs as signs
from ._support_vectors import support_vectors as support_vectors
