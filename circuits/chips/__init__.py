"""A design, and the chips that are drawn from it."""

from ._amplifier_file import KEPT as KEPT
from ._amplifier_file import put_amplifier as put_amplifier
from ._converters import Converter as Converter
from ._converters import converter as converter
from ._design_and_instance import Design as Design
from ._design_and_instance import Instance as Instance
from ._drift_paths import FLICKER_ACCURACY as FLICKER_ACCURACY
from ._drift_paths import conductance_flicker as conductance_flicker
from ._drift_paths import temperature_offset as temperature_offset
from ._many_instances import Instances as Instances
