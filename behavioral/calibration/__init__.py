"""From measurements to a model with error bars."""

from ._bench_scores import BenchScores as BenchScores
from ._calibrate import Calibration as Calibration
from ._calibrate import calibrate as calibrate
from ._fit import Fit as Fit
from ._fit import fit as fit
from ._forecast import fit_forecast as fit_forecast
from ._held_out_programs import information_of as information_of
from ._held_out_programs import judge_held_out as judge_held_out
from ._identifiability import Combination as Combination
from ._identifiability import open_combinations as open_combinations
from ._judgement import MODEL_ERROR as MODEL_ERROR
from ._judgement import judge as judge
from ._robust_start import fit_alone as fit_alone
from ._spectral_terms import TRANSISTOR_BAND as TRANSISTOR_BAND
from ._terms import Part as Part
from ._terms import Term as Term
from ._terms import noisy_circuit as noisy_circuit
from ._tolerance_scales import ToleranceScales as ToleranceScales
from ._waveform_terms import Normal as Normal
from ._waveform_terms import Run as Run
from ._waveform_terms import term_of as term_of
from .unknowns import NUISANCES as NUISANCES
from .unknowns import Parameters as Parameters
from .unknowns import check_nuisances as check_nuisances
