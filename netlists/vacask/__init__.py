"""The second opinion."""

from ._circuit import circuit as circuit
from ._circuit import initial_nodes as initial_nodes
from ._second_opinion import second_opinion as second_opinion
