"""A loaded chip for other people's simulators: a subcircuit, or a Verilog-A module, with its drive as pins."""

from ._chip import Exported as Exported
from ._chip import Source as Source
from ._chip import exported as exported
from ._chip import loaded_with_pins as loaded_with_pins
from ._opinion import Opinion as Opinion
from ._opinion import vacask_opinion as vacask_opinion
from ._own_circuit import OwnExport as OwnExport
from ._own_circuit import own_export as own_export
from ._spice import spice_bench as spice_bench
from ._spice import subcircuit as subcircuit
from ._verilog_a import vacask_bench as vacask_bench
from ._verilog_a import verilog_a as verilog_a
