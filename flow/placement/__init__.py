"""Which node and which GPUs a slot gets, and what is left where."""
