"""DeviceSPU: a device with flaws, at the size of a network."""

from ._device_spu import DeviceSPU as DeviceSPU
from ._relaxation import CascadeFlow as CascadeFlow
