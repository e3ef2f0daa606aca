"""From a batch to such a system."""

from ._by_layers import layered as layered
from ._flat_module import FlatModule as FlatModule
from ._flat_module import call as call
from ._jacobian import Curvature as Curvature
from ._jacobian import curvature as curvature
from ._layers import Layer as Layer
from ._layers import Use as Use
from ._layers import check_products as check_products
from ._layers import forward as forward
from ._layers import pulled_back as pulled_back
from ._layers import refuse_mixing as refuse_mixing
from ._layers import trainable_layers as trainable_layers
from ._linearise import AnyFactors as AnyFactors
from ._linearise import CurvatureKind as CurvatureKind
from ._linearise import Linearise as Linearise
from ._linearise import MicroBatch as MicroBatch
from ._linearise import Whole as Whole
from ._losses import loss_and_slope as loss_and_slope
from ._losses import output_hessian as output_hessian
from ._losses import warn_of_no_curvature as warn_of_no_curvature
from ._matrix_free import products as products
from ._plain_pass import PlainPass as PlainPass
from ._plain_pass import probe as probe
from ._randomness import GeneratorStates as GeneratorStates
from .outputs import OutputParts as OutputParts
