"""What one node knows and does: its claims and containers, whom it has seen, its decision."""
