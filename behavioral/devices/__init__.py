"""The model of one chip, and what it does with a program."""

from ._correction import Correction as Correction
from ._deviation_kinds import INVERTERS as INVERTERS
from ._deviation_kinds import OFFSETS as OFFSETS
from ._deviation_kinds import tolerance_groups as tolerance_groups
from ._device_batch import BatchResponse as BatchResponse
from ._device_batch import DeviceBatch as DeviceBatch
from ._device_model import CIRCUIT_KIND as CIRCUIT_KIND
from ._device_model import DeviceModel as DeviceModel
from ._effects import Effects as Effects
from ._estimates import Estimate as Estimate
from ._estimates import Provenance as Provenance
from ._estimates import checked_number as checked_number
from ._estimates import checked_texts as checked_texts
from ._estimates import file_in as file_in
from ._posterior import Posterior as Posterior
from ._prepared import Prepared as Prepared
from ._response import Response as Response
from ._verdict import Check as Check
from ._verdict import Verdict as Verdict
