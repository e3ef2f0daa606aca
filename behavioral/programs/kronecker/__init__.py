"""Natural gradients of a layer from the two factors of its curvature."""

from ._kronecker_step import Factor as Factor
from ._kronecker_step import KroneckerStep as KroneckerStep
from ._kronecker_step import kronecker_step as kronecker_step
