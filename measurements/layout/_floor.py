"""How well a waveform is known of which nobody says so."""

FLOOR = 1e-5
"""Part of the converters' full scale that stands for a simulator's own error where no readout noise is stated."""
