"""DeviceSPU: a device with flaws, at the size of a network."""

from ._device_spu import DeviceSPU as DeviceSPU
from ._relaxation import CascadeFlow as CascadeFlow
from ._served_range import DECAY as DECAY
from ._served_range import ServedRange as ServedRange
from ._served_range import served_range as served_range
