"""The state repository in memory, for simulations."""
