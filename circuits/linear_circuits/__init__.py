"""What is linear in any circuit: poles, dc, responses, noise by contributor, covariance, sensitivities."""

from ._linear_circuit import Band as Band
from ._linear_circuit import InfiniteVarianceError as InfiniteVarianceError
from ._linear_circuit import LinearCircuit as LinearCircuit
from ._outputs import Observed as Observed
from ._outputs import OutputError as OutputError
from ._outputs import observed as observed
from ._pencil import Pencil as Pencil
from ._sensitivities import Sensitivities as Sensitivities
from ._sensitivities import sensitivities as sensitivities
from ._stability import Stability as Stability
from ._values import scaled as scaled
from ._values import value_field as value_field
from ._values import value_of as value_of
