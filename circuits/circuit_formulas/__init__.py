"""The mathematics of a circuit of one's own as text, LaTeX and a summary (sympy; loaded by name only)."""

from ._analyse_circuit import analyse_circuit as analyse_circuit
