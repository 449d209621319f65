"""Folders that people put files into, and the bucket between nodes."""
