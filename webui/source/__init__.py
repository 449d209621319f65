"""What a page knows, and what it sends: views of the repository, past and present, and the outbox."""
