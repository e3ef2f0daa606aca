"""When amplifiers of finite gain-bandwidth let a loop ring for ever, as formulas."""

from dataclasses import dataclass

import sympy
from sympy import Expr, Matrix, Symbol

from ..topologies import Cascade, Crossbar, Topology
from ._symbols import omega_t, s

tau = Symbol("tau", positive=True)
mu, lam = sympy.symbols("mu lambda", positive=True)
"""Of a cascade: an eigenvalue of J^T H J, and the damping."""
alpha, beta = sympy.symbols("alpha beta", positive=True)
"""Of a crossbar: eigenvalues alpha +- i beta of A."""
gamma_0, gamma_J, gamma_H = sympy.symbols("gamma_0 gamma_J gamma_H", positive=True)
"""Noise gains of an integrator, `1 + sum_j |A_ij|` (cascade: `1 + lambda + sum_k |J_ki|`), of a first stage,
`1 + sum_j |J_kj|`, and of a second one, `1 + sum_l |H_kl|`."""


@dataclass(frozen=True, eq=False)
class StabilityLimit:
    """Stability limit of one mode, where all rows of an array have one noise gain and an amplifier is `omega_t/s`.

    An amplifier with feedback through the noise gain gamma settles with the time constant `gamma/omega_t`. `onset` is
    the angular gain-bandwidth below which the mode rings up, to lowest order in `1/(omega_t tau)` and the damping.
    """

    loop: Expr
    """Characteristic polynomial in the Laplace variable s."""
    hurwitz: Expr
    """Polynomial in omega_t that is positive above the onset and changes its sign there (Orlando's formula)."""
    onset: Expr
    """[rad/s]."""


def stability(topology: Topology) -> StabilityLimit | None:
    """The limit of the loop of a topology; None without one, where amplifiers only read what passive cells hold.

    Hurwitz (Math. Ann. 46, 273, 1895): a polynomial with positive coefficients whose last but one determinant
    vanishes has a pair of roots on the imaginary axis. A crossbar with real positive eigenvalues has no limit.
    `stability_limit` follows the poles of a chip with all of its components instead.
    """
    if isinstance(topology, Cascade):
        return _limit(_cascade_loop(), _cascade_onset())
    if isinstance(topology, Crossbar):
        return _limit(_crossbar_loop(), 2 * beta**2 / (alpha * tau))
    return None


def _integrator() -> Expr:
    # C dv/dt against the virtual ground v_g = -(s/omega_t) v, which also drives the row's conductances.
    return s * tau * (1 + s / omega_t) + gamma_0 * s / omega_t


def _cascade_loop() -> Expr:
    stages = (1 + gamma_J * s / omega_t) * (1 + gamma_H * s / omega_t)
    return (_integrator() + lam) * stages + mu


def _cascade_onset() -> Expr:
    total = gamma_J + gamma_H
    product = gamma_J * gamma_H
    return mu * (total + product) ** 2 / (tau * total * (1 + gamma_J) * (1 + gamma_H))


def _crossbar_loop() -> Expr:
    # Two cells that turn into each other, A = ((alpha, -beta), (beta, alpha)): the negative entry has an inverter,
    # whose noise gain is two.
    return (_integrator() + alpha) ** 2 * (1 + 2 * s / omega_t) + beta**2


def _limit(loop: Expr, onset: Expr) -> StabilityLimit:
    degree = sympy.degree(sympy.expand(loop), s)
    # Multiplied by powers of omega_t, so that it is a polynomial in it.
    polynomial = sympy.Poly(sympy.expand(loop * omega_t**degree), s)
    # In s/omega_t the coefficients are of low degree in omega_t.
    coefficients = [sympy.expand(c / omega_t**k) for k, c in enumerate(polynomial.all_coeffs())]
    return StabilityLimit(sympy.collect(sympy.expand(loop), s), _hurwitz(coefficients), onset)


def _hurwitz(coefficients: list[Expr]) -> Expr:
    n = len(coefficients) - 1
    rows = Matrix(
        n - 1, n - 1, lambda i, j: coefficients[2 * j - i + 1] if 0 <= 2 * j - i + 1 <= n else sympy.Integer(0)
    )
    found = sympy.factor(rows.det(method="berkowitz"))
    # Powers of positive symbols that have no part in the sign.
    return sympy.Mul(*[base for base in sympy.Mul.make_args(found) if len(base.free_symbols) > 1])
