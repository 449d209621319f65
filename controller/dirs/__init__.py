"""The directories of executions: what a launch needs of them, and the real ones."""
