"""One module for each kind of page: a blueprint, and the values that its templates show."""
