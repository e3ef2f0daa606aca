"""The cheapest design that keeps its limits."""
