"""The matrix that a chip realises, amplifiers aside, and whether it settles at all."""

from dataclasses import replace

import numpy as np
from jaxtyping import Complex

from .._exceptions import ProgramError
from ..chips import Instance
from ..networks import Capacitor, Network, OpAmp, is_stray
from ..programs import Program, Scaling
from ..state_spaces import state_space
from ..topologies import Crossbar
from ._crossbar_drift import crossbar_drift


def realised_eigenvalues(instance: Instance, network: Network, scaling: Scaling) -> Complex[np.ndarray, " n"]:
    """Eigenvalues of the matrix that a chip realises, in units of the program's A.

    Those of the circuit with perfect amplifiers, mismatch and rounding kept, times `tau` and over the conductance's
    scale. Amplifiers of finite gain shift them by about `(1 + sum_j |A_ij|)/gain`, which can hold a loop that is
    unstable: it then settles to something that is no answer.

    Args:
        instance: the chip.
        network: its circuit with a program.
        scaling: how that is loaded.
    """
    drift = crossbar_drift(network) if isinstance(instance.topology, Crossbar) else None
    poles = _perfect_poles(network) if drift is None else -np.linalg.eigvals(drift)
    return np.asarray(-poles * instance.design.tau / scaling.conductance, dtype=complex)


def _perfect_poles(network: Network) -> Complex[np.ndarray, " n"]:
    # Stray capacitances at virtual grounds, which perfect amplifiers hold still, are no part of the matrix.
    kept = [e for e in network.elements if not (isinstance(e, Capacitor) and is_stray(e))]
    perfect = tuple(replace(e, model=None) if isinstance(e, OpAmp) else e for e in kept)
    return state_space(replace(network, elements=perfect), noisy=False).poles


def check_stable(instance: Instance, program: Program, network: Network, scaling: Scaling) -> None:
    """Raise `ProgramError` with the eigenvalue when a chip is unstable with a program, whatever its amplifiers."""
    # Components alone, without amplifiers, cannot run away.
    if not any(isinstance(element, OpAmp) for element in network.elements):
        return
    realised = realised_eigenvalues(instance, network, scaling)
    worst = realised[np.argmin(realised.real)]
    if worst.real > 0:
        return
    asked = float(program.eigenvalues.real.min())
    raise ProgramError(
        f"A: unstable: the matrix that this {instance.topology.name} of design {instance.design.name} realises has the"
        f" eigenvalue {_text(worst)}, where A has {asked:.3g} at least; expected eigenvalues further from zero than"
        " mismatch and rounding move them"
    )


def _text(value: complex) -> str:
    return f"{value.real:.3g}" if value.imag == 0 else f"{value.real:.3g} {value.imag:+.3g}j"
