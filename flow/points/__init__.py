"""The points of a stage: combinations of a matrix, entries of a list, and the trials that a search proposes."""
