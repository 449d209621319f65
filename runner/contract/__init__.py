"""What a runner promises, the values it takes and gives, and the fake that keeps it."""
