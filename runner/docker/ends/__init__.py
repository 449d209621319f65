"""How containers end: by a watchdog that needs no controller, by others, and how that is judged."""
