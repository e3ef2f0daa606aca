"""Measurements of chips whose truth is known."""

from ..known_chips import board, flat, measure

__all__ = ["board", "flat", "measure"]
