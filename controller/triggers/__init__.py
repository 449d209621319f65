"""Triggers of a node that was started with `--triggers`: what is due becomes commits on `main`, beside the rounds."""
