"""What sources that change with time ask of a transient."""

from math import inf

from ...circuits import Network
from ...circuits.networks import CurrentSource, VoltageSource
from ...circuits.state_spaces import followed


def waveform_times(network: Network) -> tuple[float, float]:
    """After which time every source has shown what it does, and the largest step that follows all of them [s].

    Nothing and infinity where all sources are constant.
    """
    found = [
        followed(e.waveform)
        for e in network.elements
        if isinstance(e, VoltageSource | CurrentSource) and e.waveform is not None
    ]
    return max((end for end, _ in found), default=0.0), min((step for _, step in found), default=inf)
