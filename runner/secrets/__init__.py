"""Values that stand on this machine only: where they are kept, and how they are kept out of all that leaves it."""
