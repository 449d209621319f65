"""What people are told: states, estimates, comparisons, provenance, notices."""
