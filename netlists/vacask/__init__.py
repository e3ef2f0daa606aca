"""VACASK: the second opinion, and the second engine."""

from ._circuit import circuit as circuit
from ._circuit import initial_nodes as initial_nodes
from ._engines import ENGINES as ENGINES
from ._engines import Engine as Engine
from ._engines import get_engine as get_engine
from ._engines import ngspice_has_klu as ngspice_has_klu
from ._engines import takes_vacask as takes_vacask
from ._engines import vacask_for as vacask_for
from ._second_opinion import only_ngspice as only_ngspice
from ._second_opinion import opinion as opinion
from ._second_opinion import second_opinion as second_opinion
