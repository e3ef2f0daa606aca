"""Pictures of a study."""

from ._draw import draw as draw
