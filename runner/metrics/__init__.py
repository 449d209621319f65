"""The load of this machine, of its GPUs and its stages, now and over time."""
