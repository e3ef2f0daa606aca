"""Training's device with a real batch loaded, beside the circuit of its chip."""

from ._batch import Batch as Batch
from ._loaded_device import LoadedDevice as LoadedDevice
