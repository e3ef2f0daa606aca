"""Digital optimisers beside torch's own that a device is compared with."""

from ._lbfgs import LBFGS as LBFGS
