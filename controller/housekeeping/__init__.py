"""Work beside the rounds: retention, archives, deletions, transfers."""
