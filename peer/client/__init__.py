"""Asking another node, with this node's key."""
