"""."""

# Sums of products are rounded in units of their precision; of a deep network some hundred roundings add up.
ROUNDING = 1e3
