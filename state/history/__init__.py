"""What was: events, past states, revisions."""
