"""Memory of a training: what a step takes, and what is said where it does not fit."""

from ._out_of_memory import explain_memory as explain_memory
from ._out_of_memory import free_memory_of as free_memory_of
from ._out_of_memory import refuse_what_does_not_fit as refuse_what_does_not_fit
from ._step_size import StepSize as StepSize
