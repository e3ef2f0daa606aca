"""The symbols themselves."""

import sympy
from sympy import Symbol

s = Symbol("s")
"""Laplace variable [1/s]."""
omega = Symbol("omega", positive=True)
"""Angular frequency [rad/s]."""

k, T, R0, L, S = sympy.symbols("k T R0 L S", positive=True)
A0, omega_t, I_b, e_n, i_n, R_o, C_L = sympy.symbols("A0 omega_t I_b e_n i_n R_o C_L", positive=True)

C0 = Symbol("C", positive=True)
V_os = Symbol("V_os", positive=True)
