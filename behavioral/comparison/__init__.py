"""A measurement against a model."""

from ._compare import Comparison as Comparison
from ._compare import compare as compare
from ._findings import parameters as parameters
from ._findings import rms_z as rms_z
from ._findings import short as short
from ._held_out_records import judge_records as judge_records
from ._innovations import innovations as innovations
from ._innovations import log_likelihood as log_likelihood
from ._recalibration import DriftEstimate as DriftEstimate
from ._recalibration import drift_error as drift_error
from ._recalibration import recalibration_times as recalibration_times
from ._recalibration import track_drift as track_drift
