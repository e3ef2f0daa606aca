"""Ctrl-C, and other requests to end; light, since they may come while everything else is still loading."""

from ._interrupt import children_are_heard as children_are_heard
from ._interrupt import endings_interrupt as endings_interrupt
from ._interrupt import interrupts_kept as interrupts_kept
