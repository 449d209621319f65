"""Logs of any size: written, indexed, searched, read from anywhere, archived."""
