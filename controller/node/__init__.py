"""One node put together: its options, inventory, heartbeat, clock and parts."""
