"""The values that everything is decided on: a snapshot, commits to make, time."""
