"""A circuit as typed elements, and its linear equations."""

import warnings
from typing import Any

from ._constants import BOLTZMANN as BOLTZMANN
from ._elements import GROUND as GROUND
from ._elements import PULSE_FOR_EVER as PULSE_FOR_EVER
from ._elements import TRANSCONDUCTANCE as TRANSCONDUCTANCE
from ._elements import Capacitor as Capacitor
from ._elements import ControlledCurrent as ControlledCurrent
from ._elements import ControlledVoltage as ControlledVoltage
from ._elements import Coupling as Coupling
from ._elements import CurrentSource as CurrentSource
from ._elements import Difference as Difference
from ._elements import Element as Element
from ._elements import Inductor as Inductor
from ._elements import Inverter as Inverter
from ._elements import NoiseCurrent as NoiseCurrent
from ._elements import OpAmp as OpAmp
from ._elements import OpAmpModel as OpAmpModel
from ._elements import Resistor as Resistor
from ._elements import Transconductor as Transconductor
from ._elements import Transresistor as Transresistor
from ._elements import Value as Value
from ._elements import VoltageSource as VoltageSource
from ._elements import Waveform as Waveform
from ._flicker_noise import PER_DECADE as PER_DECADE
from ._flicker_noise import flicker_band as flicker_band
from ._flicker_noise import relaxations as relaxations
from ._macro_model import LinearElement as LinearElement
from ._macro_model import linear_elements as linear_elements
from ._macro_model import pole_values as pole_values
from ._network import NODE_NAME as NODE_NAME
from ._network import Network as Network
from ._network import of_type as of_type
from ._network import terminals as terminals
from ._nodal_equations import Equations as Equations
from ._nodal_equations import equations as equations
from ._parasitics import Parasitics as Parasitics
from ._parasitics import cell_nodes as cell_nodes
from ._parasitics import is_stray as is_stray
from ._parasitics import leak_sites as leak_sites
from ._parasitics import stray_sites as stray_sites
from ._sparse_equations import NodalEquations as NodalEquations
from ._sparse_equations import nodal_equations as nodal_equations

_MOVED = {
    "NoisePaths",
    "StateSpace",
    "StateSpaces",
    "drive_columns",
    "link_voltages",
    "noise_paths",
    "relaxation",
    "settle_time",
    "stacked_state_spaces",
    "state_space",
}


def __getattr__(name: str) -> Any:
    """Names that have moved to `circuits.state_spaces`, handed on for one release."""
    if name not in _MOVED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    warnings.warn(
        f"{__name__}.{name} is now thermospice.circuits.state_spaces.{name}", DeprecationWarning, stacklevel=2
    )
    return getattr(import_module("thermospice.circuits.state_spaces"), name)
