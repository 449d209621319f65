"""Rounds: observe, decide, act, and what stands between two of them."""
