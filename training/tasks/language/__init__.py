"""A language model of a user's folder: its weights, its tokens, and the few parameters that are trained."""

from ._adapted import Adapted as Adapted
from ._encoder import Encoder as Encoder
