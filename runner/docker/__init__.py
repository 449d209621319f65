"""Stages as containers of a Docker Engine."""
