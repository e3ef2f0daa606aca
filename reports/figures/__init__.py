"""One figure a file."""

# First of all: matplotlib is loaded where no settings of the current folder can speak to it.
from ._matplotlib import matplotlib as matplotlib  # isort: skip

from ._calibration import elements as elements
from ._calibration import entries as entries
from ._calibration import fitted_values as fitted_values
from ._calibration import parameters as parameters
from ._calibration import spreads as spreads
from ._calibration import z_scores as z_scores
from ._covariance import covariance_maps as covariance_maps
from ._fidelity import checks as checks
from ._fidelity import heldout_errors as heldout_errors
from ._in_the_loop import in_the_loop as in_the_loop
from ._response import ac_response as ac_response
from ._response import noise_density as noise_density
from ._response import noisy_transient as noisy_transient
from ._response import operating_point as operating_point
from ._response import transient as transient
from ._schematic import schematic as schematic
from ._si_prefixes import prefix as prefix
from ._si_prefixes import quantity as quantity
from ._theme import DARK as DARK
from ._theme import LIGHT as LIGHT
from ._theme import WIDTH as WIDTH
from ._theme import Theme as Theme
from ._theme import colours as colours
from ._theme import dark_png as dark_png
from ._theme import ink as ink
from ._theme import png as png
from ._theme import png_uri as png_uri
from ._theme import svg_uri as svg_uri
from ._training import accuracy_curves as accuracy_curves
from ._training import loop_courses as loop_courses
from ._training import loss_curves as loss_curves
from ._training import time_parts as time_parts
from ._waveforms import residuals as residuals
from ._waveforms import waveforms as waveforms
