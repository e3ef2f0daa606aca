"""Outputs of a module that are several tensors."""

from ._output_parts import NotOneTensor as NotOneTensor
from ._output_parts import OutputParts as OutputParts
