"""What this node answers to others that sign with a key of an inventory."""
