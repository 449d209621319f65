"""Stages as processes of this machine, each under a small shim."""
