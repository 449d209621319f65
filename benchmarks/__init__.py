"""Figures: `python -m benchmarks` takes them all and prints JSON. Seconds, unless a name says otherwise."""
