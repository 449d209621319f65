"""A bare state repository on a server: making one, and keeping it well."""
