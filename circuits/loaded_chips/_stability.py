"""How slow the amplifiers may be before a loop rings for ever."""

from dataclasses import replace
from math import exp, log

from .._exceptions import DesignError
from ..chips import Instance
from ..programs import Program, Scaling
from ..state_spaces import state_space
from ._realised import check_stable

_LOWEST = 1e-6
"""Part of the design's gain-bandwidth down to which a limit is looked for."""

_SCAN = 60
_ACCURACY = 1e-6


def stability_limit(instance: Instance, program: Program, scaling: Scaling | None = None) -> float | None:
    """The gain-bandwidth [Hz] below which the loop with this program is unstable; all amplifiers alike.

    An integrator is stable with any one amplifier pole. The stages of a cascade have no capacitor: they must settle
    well within the fastest mode of the program, or their delay turns the feedback round. The poles of the
    macro-model's state space are followed from ten times the design's gain-bandwidth downwards.

    Returns:
        The limit, or None when the loop is stable down to a millionth of the design's gain-bandwidth.

    Raises:
        DesignError: a design without amplifiers, or a loop that is unstable from the start.
        ProgramError: the chip is unstable with the program whatever its amplifiers; finite gain does not count.
    """
    amplifier = instance.design.amplifier
    if amplifier is None:
        raise DesignError(f"design {instance.design.name} has no amplifier: there is no gain-bandwidth to limit")
    scaling = scaling or Scaling()
    check_stable(instance, program, instance.network(program, "macro", scaling), scaling)
    high = log(10 * amplifier.gain_bandwidth)
    low = log(_LOWEST * amplifier.gain_bandwidth)
    if not _stable(instance, program, scaling, high):
        raise DesignError(
            f"{instance.topology.name}: unstable with ten times the gain-bandwidth of design {instance.design.name};"
            " expected a matrix whose eigenvalues have positive real part as the chip realises it"
        )
    step = (high - low) / _SCAN
    for k in range(1, _SCAN + 1):
        if not _stable(instance, program, scaling, high - k * step):
            return exp(_bisect(instance, program, scaling, high - k * step, high - (k - 1) * step))
    return None


def _bisect(instance: Instance, program: Program, scaling: Scaling, unstable: float, stable: float) -> float:
    while stable - unstable > _ACCURACY:
        middle = (stable + unstable) / 2
        if _stable(instance, program, scaling, middle):
            stable = middle
        else:
            unstable = middle
    return stable


def _stable(instance: Instance, program: Program, scaling: Scaling, log_bandwidth: float) -> bool:
    chip = with_gain_bandwidth(instance, exp(log_bandwidth))
    return bool((state_space(chip.network(program, "macro", scaling), noisy=False).poles.real < 0).all())


def with_gain_bandwidth(instance: Instance, gain_bandwidth: float) -> Instance:
    """The same chip with amplifiers of another gain-bandwidth [Hz].

    Raises:
        DesignError: a design without amplifiers.
    """
    design = instance.design
    if design.amplifier is None:
        raise DesignError(f"design {design.name} has no amplifier: there is no gain-bandwidth to change")
    amplifier = design.amplifier.model_copy(update={"gain_bandwidth": gain_bandwidth})
    changed = design.model_copy(update={"amplifier": amplifier})
    return replace(instance, design=changed)
