"""Talking to a remote: the git program, its credentials, addresses, pushes, fetches."""
