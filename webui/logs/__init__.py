"""Logs as a page shows them."""
