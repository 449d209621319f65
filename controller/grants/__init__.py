"""What this node's owner grants to stages: the policy file, and from its names to what a container is given."""
