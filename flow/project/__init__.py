"""What one project wants next: its replies, its chains, its pipeline."""
