"""Files with amplifiers of a user's own: read as a closed language, and written again so that nothing leaks out."""

from ._amplifier import ROLES as ROLES
from ._amplifier import FileAmplifier as FileAmplifier
from ._amplifier import parse_amplifier as parse_amplifier
from ._amplifier import read_amplifier as read_amplifier
