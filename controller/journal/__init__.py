"""What a node remembers over crashes, written so that a crash at any moment leaves it whole."""
