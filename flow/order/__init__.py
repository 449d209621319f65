"""Who goes first when not everything fits: shares of what was used, quotas, the order of what waits. Pure."""
