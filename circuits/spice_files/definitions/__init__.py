"""Subcircuits, models and parameters of a file."""

from ._blocks import Block as Block
from ._blocks import Circuit as Circuit
from ._blocks import Model as Model
from ._blocks import Parameter as Parameter
from ._blocks import blocks as blocks
from ._scope import Scope as Scope
