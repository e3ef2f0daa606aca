"""What each kind of layer does with its parameters, sample by sample and site by site."""

from ._kinds import KroneckerLayer as KroneckerLayer
from ._kinds import Layer as Layer
from ._kinds import bias_of as bias_of
from ._kinds import columns_of_layer as columns_of_layer
from ._kinds import fault_of_layer as fault_of_layer
from ._kinds import has_kronecker_factors as has_kronecker_factors
from ._kinds import rows_of as rows_of
from ._kinds import sites_of as sites_of
