"""Pushes to a repository of our own on this machine, without starting git: only where git's push would do no more.

`direct_push` does one, `place` says whether it may, everything else is left to `state.transport.push`.
"""
