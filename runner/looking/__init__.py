"""Containers in which a person looks at an execution: nothing of them counts, and nothing of them stays."""
