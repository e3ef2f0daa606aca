"""Physical constants."""

BOLTZMANN = 1.380649e-23
"""Boltzmann constant [J/K], exact in SI."""
